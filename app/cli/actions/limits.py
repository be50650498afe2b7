"""`limits`: show what limits have counted, and reset it."""

import time
from datetime import tzinfo
from pathlib import Path

import click

from app.cli.common import UsageError
from app.cli.confirm import confirmed
from app.cli.loading import load_store
from app.cli.output import counted, echo, print_json, print_table
from app.cli.running import on_store, warn_of_doubt, whoami
from app.cli.times import shown
from app.operations.documents.limits import limits_document
from app.operations.limits import LimitCounts, ResetPlan, list_counts, plan_reset
from app.operations.limits import reset as reset_counts
from app.plivo.numbers import show


def list_all(path: Path, limit: int, zone: tzinfo | None, *, as_json: bool) -> None:
    """Show the units spent of each spending cap that a server reports, and who had the most answers in a day."""
    config = load_store(path)
    found = on_store(config, lambda store: list_counts(store, time.time(), limit))
    if as_json:
        print_json(limits_document(found))
    else:
        _show(found, zone)


def reset(who: str | None, path: Path, *, total: bool, yes: bool, dry_run: bool) -> None:
    """Forget what was counted against a person, cooldowns too; or, with --total, against the spending caps."""
    if (who is not None) == total:
        raise UsageError("give a number, or --total")
    config = load_store(path)
    plan = on_store(config, lambda store: plan_reset(store, who, config.read_address))
    warn_of_doubt(who, plan.person)
    if confirmed(_what(plan), yes=yes or (plan.is_empty and not dry_run), dry_run=dry_run):
        rows = on_store(config, lambda store: reset_counts(store, whoami(), plan))
        click.echo(f"{counted(rows, 'row')} forgotten")


def _what(plan: ResetPlan) -> str:
    if plan.person is None:
        return "set what is spent of every spending cap to 0"
    replies, cooldowns = counted(plan.rows.messages, "reply", "replies"), counted(plan.rows.cooldowns, "cooldown")
    return f"forget {replies} and {cooldowns} of {show(plan.person.address)}"


def _show(found: LimitCounts, zone: tzinfo | None) -> None:
    caps = [(cap.scope or "all routes", str(cap.rate), str(cap.spent)) for cap in found.spending]
    if caps:
        print_table(("SPENDING CAP", "UNITS", "SPENT"), caps)
    else:
        echo("no server has reported a spending cap yet", err=True)
    if not found.people:
        return
    click.echo()
    people = [(show(one.person), show(one.number), str(one.replies), shown(one.last, zone)) for one in found.people]
    print_table(("PERSON", "NUMBER", "REPLIES IN 24 H", "LAST"), people)
