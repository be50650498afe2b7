"""`costs`: what Plivo charged."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.cli.loading import load_store
from app.cli.output import echo, print_json, print_table
from app.cli.running import on_store
from app.cli.times import shown
from app.operations.costs import By, Cost, CostReport, Key, costs
from app.operations.times import iso_utc

MONTH = 30 * 86_400.0
NONE = "-"  # no route, no rule or no country
COLUMNS = ("MESSAGES", "UNITS", "USD", "NO AMOUNT", "NOT REPORTED YET")


def main(path: Path, by: tuple[By, ...], since: float | None, *, as_json: bool) -> None:
    """Show what Plivo charged for messages, by route, rule or country."""
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
