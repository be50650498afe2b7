"""`explain`: who would answer a message, and why nobody else did."""

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option

AT_FORMATS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]


@click.command("explain")
@config_option
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "sender", required=True, help="Who writes.")
@click.option("--text", default="", help="What they write.")
@click.option("--type", "kind", type=click.Choice(["sms", "mms", "whatsapp"]), default="sms", show_default=True)
@click.option("--at", type=click.DateTime(AT_FORMATS), help="When, with an offset: 2026-03-02T10:00:00+01:00.")
@click.option("--given", type=(str, str), multiple=True, metavar="RULE SAYS", help="What a rule that calls out says.")
@click.option("--live", "is_live", is_flag=True, help="With what the store knows about the sender.")
@json_option
@runs("explain:main")
def command() -> None:
    """Show which rule would answer, why each other would not, the units and the XML. Calls nothing and
    stores nothing: rules that call out pass, or say what is `--given`. Without `--live` nothing is remembered of the
    sender: no opt-out, no cooldown, no limit.

    \b
    Example: plivo-autoreply explain --to +33644600000 --from +33700000001 --text "Hours?"
    """
