"""`costs`: what Plivo charged."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from app.cli.common import config_option, json_option, load_store
from app.cli.output import echo, print_json, print_table
from app.cli.running import on_store
from app.cli.times import Moment, shown
from app.operations.costs import KEYS, By, Cost, CostReport, Key, costs
from app.operations.times import iso_utc

MONTH = 30 * 86_400.0
NONE = "-"  # no route, no rule or no country
COLUMNS = ("MESSAGES", "UNITS", "USD", "NO AMOUNT", "NOT REPORTED YET")


class Keys(click.ParamType[tuple[By, ...]]):
    """One or several of route, rule and country, with commas between them."""

    name = "keys"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[By, ...]:
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
def command(path: Path, by: tuple[By, ...], since: float | None, *, as_json: bool) -> None:
    """Show what Plivo charged for messages, by route, rule or country.

    Adds up the TotalAmount of the last report of each message that was reported since then, in US dollars. The country
    is that of the person's number.

    \b
    Example: plivo-autoreply costs --by route,rule,country --since 30d
    """
    start = time.time() - MONTH if since is None else since
    found = on_store(load_store(path), lambda store: costs(store, by, start))
    if as_json:
        print_json(_json(found))
    elif found.groups:
        header = (*(key.upper() for key in by), *COLUMNS)
        rows = [(*(value or NONE for value in key), *_cells(cost)) for key, cost in found.groups.items()]
        total = ("total", *[""] * (len(by) - 1), *_cells(found.total))
        print_table(header, [*rows, total])
    else:
        echo(f"nothing was reported since {shown(start, None)}")


def _cells(cost: Cost) -> tuple[str, ...]:
    counts = (f"{cost.messages:,}", f"{cost.units:,}", f"{cost.amount:,f}", f"{cost.unpriced:,}")
    return (*counts, f"{cost.unreported:,}")


def _json(found: CostReport) -> dict[str, Any]:
    return {
        "since": iso_utc(found.since),
        "by": list(found.by),
        "total": _cost_json(found.total),
        "groups": [_group_json(found.by, key, cost) for key, cost in found.groups.items()],
    }


def _group_json(by: tuple[By, ...], key: Key, cost: Cost) -> dict[str, Any]:
    return {**dict(zip(by, key, strict=True)), **_cost_json(cost)}


def _cost_json(cost: Cost) -> dict[str, Any]:
    """Return a cost; its amount is a string, for a number would be rounded."""
    return {
        "messages": cost.messages,
        "units": cost.units,
        "amount": _plain(cost.amount),
        "unpriced": cost.unpriced,
        "not_reported": cost.unreported,
    }


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"
