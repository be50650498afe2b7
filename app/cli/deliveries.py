"""`deliveries`: reports on their way to the targets."""

from pathlib import Path
from typing import Any, get_args

import click

from app.cli.common import (
    Mistake,
    Problem,
    config_option,
    json_option,
    load,
    moment,
    print_json,
    run,
    store_beside_server,
    submit,
    whoami,
)
from app.config import Config
from app.config.faults import did_you_mean
from app.reports.outbox import State
from app.store import commands
from app.store.commands import Pause, Selection
from app.store.queries import Row, list_deliveries


@click.group("deliveries")
def command() -> None:
    """List, replay, drop; pause and resume a target. A running server sees a change within 1 s.

    \b
    Example: plivo-autoreply deliveries list --state dead
    """


@command.command("list")
@config_option
@click.option("--target", help="Only of this target.")
@click.option("--state", type=click.Choice(get_args(State)), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@json_option
def list_(path: Path, target: str | None, state: str | None, limit: int, *, as_json: bool) -> None:
    """Show deliveries, newest first.

    \b
    Example: plivo-autoreply deliveries list --target crm --state due
    """
    config = load(path)
    rows = [_delivery(row) for row in run(_list(config, target, state, limit))]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        said = row["error"] or (f"status {row['status']}" if row["status"] else "not tried yet")
        when = f", due {row['due_at']}" if row["state"] == "due" else ""
        what = f"{row['id']:>8}  {row['target']:<16} {row['state']:<8} {row['report_status']:<12} {row['message_uuid']}"
        click.echo(f"{what}  tries {row['attempts']}, {said}{when}")
    click.echo(f"{len(rows)} deliveries", err=True)


@command.command("replay")
@click.argument("ids", type=click.IntRange(1, 2**31 - 1), nargs=-1)
@config_option
@click.option("--target", help="All of this target that are in --state.")
@click.option("--state", type=click.Choice(["dead", "dropped", "done"]), default="dead", show_default=True)
def replay(ids: tuple[int, ...], path: Path, target: str | None, state: str) -> None:
    """Make deliveries due now, with all their tries again; by id in whatever state they are.

    \b
    Example: plivo-autoreply deliveries replay --target crm
    """
    _change(load(path), commands.replay, ids, target, (state,), "due again")


@command.command("drop")
@click.argument("ids", type=click.IntRange(1, 2**31 - 1), nargs=-1)
@config_option
@click.option("--target", help="All of this target that are in --state.")
@click.option("--state", type=click.Choice(["due", "dead"]), default="dead", show_default=True)
def drop(ids: tuple[int, ...], path: Path, target: str | None, state: str) -> None:
    """Never try these again. They stay listed as dropped until `keep` ends.

    \b
    Example: plivo-autoreply deliveries drop 17 18
    """
    _change(load(path), commands.drop, ids, target, (state,), "dropped")


@command.command("pause")
@click.argument("target")
@config_option
def pause(target: str, path: Path) -> None:
    """Post nothing to a target until `resume`; its reports are kept.

    \b
    Example: plivo-autoreply deliveries pause crm
    """
    config = load(path)
    done = run(_pause(config, commands.pause, _known(config, target)))
    click.echo(f"{target} is paused" if done else f"{target} was paused already")


@command.command("resume")
@click.argument("target")
@config_option
def resume(target: str, path: Path) -> None:
    """Post to a target again.

    \b
    Example: plivo-autoreply deliveries resume crm
    """
    config = load(path)
    done = run(_pause(config, commands.resume, _known(config, target)))
    click.echo(f"{target} is resumed" if done else f"{target} was not paused")


def _change(
    config: Config, verb: Any, ids: tuple[int, ...], target: str | None, states: tuple[str, ...], what: str
) -> None:
    if bool(ids) == (target is not None):
        message = "give ids, or --target with --state"
        raise Mistake(message)
    selection = Selection(whoami(), ids, target, () if ids else states)
    changed = run(submit(config, verb, selection))
    if target is not None and not changed:
        _known(config, target)
    click.echo(f"{len(changed)} deliveries are {what}")
    missing = sorted(set(ids) - set(changed))
    if missing:
        message = f"no delivery has the id {', '.join(map(str, missing))}"
        raise Problem(message)


async def _list(config: Config, target: str | None, state: str | None, limit: int) -> list[Row]:
    async with store_beside_server(config) as store:
        return await list_deliveries(store.engine, target=target, state=state, limit=limit)


async def _pause(config: Config, verb: Any, target: str) -> bool:
    changed: bool = await submit(config, verb, Pause(whoami(), target))
    return changed


def _known(config: Config, target: str) -> str:
    if target not in config.targets:
        message = f'no target is called "{target}"; {did_you_mean(target, config.targets)}'
        raise Mistake(message)
    return target


def _delivery(row: Row) -> dict[str, Any]:
    keys = (
        "id",
        "target",
        "state",
        "report_id",
        "message_uuid",
        "in_reply_to",
        "report_status",
        "attempts",
        "status",
        "error",
    )
    times = ("created_at", "due_at", "settled_at")
    return {key: row[key] for key in keys} | {key: moment(row[key]) if row[key] else None for key in times}
