"""`deliveries`: reports on their way to the targets."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any, cast, get_args

import click

from app.cli.common import (
    DURATION,
    CommandFailed,
    F,
    UsageError,
    config_option,
    echo,
    json_option,
    load,
    moment,
    print_json,
    run,
    show_try,
    step,
    store_beside_server,
    submit,
    tried,
    whoami,
)
from app.cli.targets import RUNNING, show_target, target_json
from app.config import Loaded
from app.config.diagnostics import did_you_mean
from app.delivery.queue import State
from app.store import delivery_commands as commands
from app.store.delivery_commands import Change, Pause
from app.store.instances import TargetView, list_targets
from app.store.queries import Row, list_deliveries
from app.store.selection import Selection


@click.group("deliveries")
def command() -> None:
    """List, replay, drop; pause and resume a target. A running server sees a change within 1 s.

    \b
    Example: plivo-autoreply deliveries list --state dead
    """


def selecting(states: Sequence[str], default: str | None) -> Callable[[F], F]:
    """The arguments that say which deliveries; they reach the command as one `Selection` in `which`."""
    whose = (
        click.argument("ids", type=click.IntRange(1, 2**63 - 1), nargs=-1),
        click.option("--target", help="Of this target."),
        click.option(
            "--state", type=click.Choice(states), help=f"With --target, {default} is the default." if default else None
        ),
        click.option("--status", help="Of reports that say so: delivered, failed, ..; received: copies of messages."),
        click.option("--older-than", type=DURATION, help="Came before, as 2h or 30d."),
        click.option("--newer-than", type=DURATION, help="Came since, as 2h or 30d."),
    )

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def selected(ids: tuple[int, ...], target: str | None, state: str | None, **options: Any) -> Any:
            narrowing = {name: options.pop(name) for name in ("status", "older_than", "newer_than")}
            chosen = state or (None if ids else default)
            states = (chosen,) if chosen is not None else ()
            return function(which=Selection(ids, target, states, **narrowing), **options)

        return cast("F", functools.reduce(lambda made, option: option(made), reversed(whose), selected))

    return decorate


@command.command("list")
@selecting(get_args(State), None)
@config_option
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@json_option
def list_(which: Selection, path: Path, limit: int, *, as_json: bool) -> None:
    """Show which targets are paused or waited for, then deliveries, newest first; with ids, what each try brought.

    \b
    Example: plivo-autoreply deliveries list --target crm --state dead --newer-than 1d
    """
    config = load(path)
    found, targets = run(_list(config, which, limit))
    rows = [_delivery(row) for row in found]
    if as_json:
        print_json([row | target_json(targets.get(row["target"], RUNNING)) for row in rows])
        return
    if which.target is not None and not rows:
        _known(config, which.target)
    for name, view in targets.items():
        if which.target in (None, name) and (line := show_target(name, view)):
            click.echo(line)
    for row in rows:
        result = row["error"] or (f"status {row['status']}" if row["status"] else "not tried yet")
        when = f", due {row['due_at']}" if row["state"] == "due" else ""
        what = f"{row['id']:>8}  {row['target']:<16} {row['state']:<8} {row['report_status']:<12} {row['message_uuid']}"
        echo(f"{what}  tries {row['attempts']}, {result}{when}")
        for one in row["tries"] if which.ids else ():
            echo(f"{'':>10}{show_try(one)}")
    click.echo(_counted(len(rows)), err=True)


@command.command("replay")
@selecting(["dead", "dropped", "done", "due"], "dead")
@click.option(
    "--rate",
    type=click.FloatRange(0.01, 10_000),
    default=20.0,
    show_default=True,
    help="With --target: so many a second.",
)
@config_option
def replay(which: Selection, rate: float, path: Path) -> None:
    """Make deliveries due, with all their tries again: those of --target in --state, or by id in whatever state. They
    go out now, also to a target that is only probed; many go out at --rate, and what comes meanwhile does not wait.

    \b
    Example: plivo-autoreply deliveries replay --target crm --newer-than 1d --rate 50
    """
    count = _change(load(path), commands.replay, which, "due again", None if which.ids else rate)
    if not which.ids and count > rate:
        click.echo(f"the last one is due in {count / rate / 60:.0f} min")


@command.command("drop")
@selecting(["due", "dead"], "dead")
@config_option
def drop(which: Selection, path: Path) -> None:
    """Never try these again. They stay listed as dropped until `keep` ends.

    \b
    Example: plivo-autoreply deliveries drop 17 18
    """
    _change(load(path), commands.drop, which, "dropped")


@command.command("pause")
@click.argument("target")
@config_option
def pause(target: str, path: Path) -> None:
    """Post nothing to a target until `resume`; its reports are kept.

    \b
    Example: plivo-autoreply deliveries pause crm
    """
    config = load(path)
    done = run(submit(config, commands.pause, Pause(whoami(), _known(config, target))))
    click.echo(f"{target} is paused" if done else f"{target} was paused already")


@command.command("resume")
@click.argument("target")
@config_option
def resume(target: str, path: Path) -> None:
    """Post to a target again; to one that is paused by failures, now, instead of at its next probe.

    \b
    Example: plivo-autoreply deliveries resume crm
    """
    config = load(path)
    done, view = run(_resume(config, _known(config, target)))
    if view.failing:
        click.echo(f"{target} was paused by failures and is probed now")
    elif view.busy:
        click.echo(f"{target} had asked for fewer requests and is tried now")
    if done or not (view.failing or view.busy):
        click.echo(f"{target} is resumed" if done else f"{target} was not paused")


def _change(config: Loaded, verb: Any, which: Selection, what: str, rate: float | None = None) -> int:
    if bool(which.ids) == (which.target is not None):
        message = "give ids, or --target with --state, --status, --older-than or --newer-than"
        raise UsageError(message)
    changed = run(_in_steps(config, verb, Change(whoami(), which, rate=rate)))
    if which.target is not None and not changed:
        _known(config, which.target)
    click.echo(f"{_counted(len(changed))} {'is' if len(changed) == 1 else 'are'} {what}")
    missing = sorted(set(which.ids) - changed)
    if missing:
        message = f"no delivery has the id {', '.join(map(str, missing))}, or it is not as you say, or done already"
        raise CommandFailed(message)
    return len(changed)


async def _in_steps(config: Loaded, verb: Any, change: Change) -> set[int]:
    changed: set[int] = set()
    async with store_beside_server(config) as store:
        full = True
        while full:
            async with step():
                ids = await store.change(verb, change)
            changed |= set(ids)
            change = replaced(change, after=max(ids, default=0), done=len(changed))
            full = len(ids) == commands.BATCH
    return changed


async def _list(config: Loaded, which: Selection, limit: int) -> tuple[list[Row], dict[str, TargetView]]:
    async with store_beside_server(config) as store:
        return await list_deliveries(store.engine, which, limit), await list_targets(store.engine)


async def _resume(config: Loaded, target: str) -> tuple[bool, TargetView]:
    """Whether an operator had paused it, and how it was."""
    async with store_beside_server(config) as store:
        view = (await list_targets(store.engine)).get(target, RUNNING)
        probe = bool(view.failing or view.busy)
        return await store.change(commands.resume, Pause(whoami(), target, probe)), view


def _counted(count: int) -> str:
    return f"{count} {'delivery' if count == 1 else 'deliveries'}"


def _known(config: Loaded, target: str) -> str:
    if target not in config.runtime.subscriptions.targets:
        message = f'no target is called "{target}"; {did_you_mean(target, config.runtime.subscriptions.targets)}'
        raise UsageError(message)
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
    times = {key: moment(row[key]) if row[key] else None for key in ("created_at", "due_at", "settled_at")}
    return {key: row[key] for key in keys} | times | {"tries": [tried(one) for one in row["tries"]]}
