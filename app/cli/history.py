"""`history`: what came, what was answered and why, what Plivo reported, what each target said."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.times import span_options, zone_option


@click.command("history")
@click.argument("who", metavar="NUMBER|UUID")
@config_option
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="The most messages shown; the newest win.",
)
@span_options
@click.option("--short", is_flag=True, help="One line for each message.")
@zone_option
@json_option
@runs("history:main")
def command() -> None:
    """Show all that is remembered of a number, or of a message by its MessageUUID. The oldest comes first.

    \b
    Example: plivo-autoreply history +33700000001 --since 7d --short
    """
