"""`limits`: show what limits have counted, and reset it."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.confirm import confirm_options
from app.cli.times import zone_option


@click.group("limits")
def command() -> None:
    """Show what limits have counted; reset it.

    \b
    Example: plivo-autoreply limits list
    """


@command.command("list")
@config_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="People shown.")
@zone_option
@json_option
@runs("limits:list_all")
def list_() -> None:
    """Show the units spent of each spending cap that a server reports, and who had the most answers in a day.

    \b
    Example: plivo-autoreply limits list --json
    """


@command.command("reset")
@click.argument("who", required=False, metavar="[NUMBER]")
@config_option
@click.option("--total", is_flag=True, help="The spending caps instead of a person.")
@confirm_options
@runs("limits:reset")
def reset() -> None:
    """Forget what was counted against a person, cooldowns too; or, with --total, against the spending caps.

    \b
    Example: plivo-autoreply limits reset +33700000001
    """
