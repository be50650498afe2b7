"""`backtest`: what another file would have answered to the messages in the store."""

from typing import Any

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.times import Moment, zone_option

EXAMPLES = 1_000  # with --json


class Given(click.ParamType[tuple[str, str]]):
    """What a rule that calls out would say: its name, "=" and a text, "pass" or "fail"."""

    name = "rule=says"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Read a name and what follows the first "="; anything else is wrong usage."""
        rule, equals, says = value.partition("=")
        if not (rule and equals and says):
            self.fail(f"{value!r} names no rule and result; write bot=pass, bot=fail or 'bot=a text'", param, ctx)
        return rule, says


@click.command("backtest")
@config_option
@click.option("--since", type=Moment(), help="Messages since then: 2026-03-02T09:00:00+01:00, or 2h or 7d ago.")
@click.option(
    "--given",
    type=Given(),
    multiple=True,
    metavar="RULE=SAYS",
    help="What a rule that calls out would say, as bot=pass, bot=fail or 'bot=a text'. Default: what it said then.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["changed", "gone"]),
    help="Exit with 1 if answers are gone; with `changed`, if any is changed, new or gone.",
)
@click.option(
    "--limit",
    type=click.IntRange(0, 1_000_000),
    help=f"Examples of each pair of rules. Default: 1; with --json: {EXAMPLES}.",
)
@zone_option
@json_option
@runs("backtest:main")
def command() -> None:
    """Show what a file would have answered to the messages in its store, and the SMS units.

    Cooldowns, limits and opt-outs are replayed. No rule makes a call, and nothing is written.

    \b
    Example: plivo-autoreply backtest -c new.toml --since 7d --fail-on gone
    """
