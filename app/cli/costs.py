"""`costs`: what Plivo charged."""

from typing import Any

import click

from app.cli.actions import runs
from app.cli.common import config_option, json_option
from app.cli.times import Moment

KEYS = ("route", "rule", "country")


class Keys(click.ParamType[tuple[str, ...]]):
    """One or several of route, rule and country, with commas between them."""

    name = "keys"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Read the keys in their order; anything else is wrong usage."""
        names = [name.strip().lower() for name in value.split(",")]
        found = tuple(key for name in dict.fromkeys(names) for key in KEYS if key == name)
        if len(found) != len(names):
            self.fail(f"{value!r} is not some of {', '.join(KEYS)}, each once, with commas", param, ctx)
        return found


@click.command("costs")
@config_option
@click.option("--by", type=Keys(), default="route", show_default=True, help="Some of route,rule,country.")
@click.option("--since", type=Moment(), help="Reports since then: 2026-03-02T09:00:00+01:00, or 7d ago. Default: 30d.")
@json_option
@runs("costs:main")
def command() -> None:
    """Show what Plivo charged for messages, by route, rule or country.

    Adds up the TotalAmount of the last report of each message that was reported since then, in US dollars. The country
    is that of the person's number.

    \b
    Example: plivo-autoreply costs --by route,rule,country --since 30d
    """
