"""`deliveries`: reports on their way to the targets."""

from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

import click

from app.cli.common import CommandFailed
from app.cli.confirm import confirmed
from app.cli.delivery_views import HEADER, show_target, table_row, try_line
from app.cli.loading import load_store
from app.cli.output import counted, echo, print_json, print_table
from app.cli.running import on_store, whoami
from app.operations import deliveries as operations
from app.operations.deliveries import RUNNING, ChangePlan, DeliveryChange, DeliveryList, Selection
from app.operations.documents.deliveries import delivery_documents


def list_all(which: Selection, path: Path, limit: int, zone: tzinfo | None, *, as_json: bool) -> None:
    """Show which targets are held back, then deliveries, newest first; with ids, what each try brought."""
    config = load_store(path)
    found = on_store(config, lambda store: operations.list_deliveries(store, which, limit))
    if as_json:
        print_json(delivery_documents(found))
    else:
        _show(found, which, zone)
    if found.missing:
        narrowed = ", or it is not as you say" if replace(which, ids=()) != Selection() else ""
        raise CommandFailed(f"no delivery has the id {', '.join(map(str, found.missing))}{narrowed}")


def _show(found: DeliveryList, which: Selection, zone: tzinfo | None) -> None:
    for name, view in found.targets.items():
        if which.target in (None, name) and (line := show_target(name, view, zone)):
            click.echo(line)
    if found.deliveries:
        views = [found.targets.get(one.target, RUNNING) for one in found.deliveries]
        rows = [table_row(one, view, zone) for one, view in zip(found.deliveries, views, strict=True)]
        print_table(HEADER, rows)
    for one in found.deliveries if which.ids else ():
        for each in one.tries:
            echo(f"{one.id}: {try_line(each, zone)}")
    click.echo(_counted(len(found.deliveries)), err=True)


def replay(which: Selection, rate: float, path: Path) -> None:
    """Make deliveries due, with all their tries again."""
    config = load_store(path)
    done = on_store(config, lambda store: operations.replay(store, whoami(), which, rate))
    _tell(done, "due again")


def drop(which: Selection, path: Path, *, yes: bool, dry_run: bool) -> None:
    """Never try these again. They stay listed as dropped until `keep` ends."""
    config = load_store(path)
    plan = on_store(config, lambda store: operations.plan_drop(store, which))
    if confirmed(_what(plan), yes=yes or (not plan.total and not dry_run), dry_run=dry_run):
        _tell(on_store(config, lambda store: operations.drop(store, whoami(), which)), "dropped")


def _what(plan: ChangePlan) -> str:
    parts = ", ".join(f"{count} {one.state} of {one.target}" for one, count in plan.counts.items())
    return f"drop {_counted(plan.total)} for good: {parts or 'none is due or dead'}"


def pause(target: str, path: Path) -> None:
    """Post nothing to a target until `resume`; its reports are kept."""
    config = load_store(path)
    done = on_store(config, lambda store: operations.pause(store, whoami(), target))
    click.echo(f"{target} is paused" if done else f"{target} was paused already")


def resume(target: str, path: Path) -> None:
    """Post to a target again; to one that is paused by failures, now, instead of at its next probe."""
    config = load_store(path)
    done = on_store(config, lambda store: operations.resume(store, whoami(), target))
    held_back = done.before.failing or done.before.busy
    if done.before.failing:
        click.echo(f"{target} was paused by failures and is probed now")
    elif done.before.busy:
        click.echo(f"{target} had asked for fewer requests and is tried now")
    if done.was_paused or not held_back:
        click.echo(f"{target} is resumed" if done.was_paused else f"{target} was not paused")


def _tell(done: DeliveryChange, what: str) -> None:
    click.echo(f"{_counted(done.changed)} {'is' if done.changed == 1 else 'are'} {what}")
    if done.missing:
        ids = ", ".join(map(str, done.missing))
        raise CommandFailed(f"no delivery has the id {ids}, or it is not as you say, or done already")
    if done.last_due_in is not None:
        click.echo(f"the last one is due in {done.last_due_in / 60:.0f} min")


def _counted(count: int) -> str:
    return counted(count, "delivery", "deliveries")
