"""Deliveries to targets: list, replay and drop them, and pause and resume a target.

A running server sees each change within a second.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.operations.cursors import cursor, position
from app.operations.errors import OperationRefused
from app.operations.steps import step
from app.store import Store, instances, queries
from app.store import delivery_commands as commands
from app.store.delivery_commands import Change, Pause, TargetState
from app.store.instances import TargetView
from app.store.records import DeliveryRecord, TryRecord
from app.store.selection import Selection
from app.suggestions import did_you_mean

__all__ = [
    "ChangePlan",
    "DeliveryChange",
    "DeliveryList",
    "DeliveryRecord",
    "Resumed",
    "Selection",
    "TargetState",
    "TargetView",
    "TryRecord",
]

_KIND = "deliveries"
RATE = 20.0  # deliveries a second that a replay of many makes due
RUNNING = TargetView()  # a target that nothing holds back


@dataclass(frozen=True, slots=True)
class DeliveryList:
    """Deliveries, newest first; every target that a running server reports or that is paused; the ids that were asked
    for and do not exist; and the cursor of the next page, None after the last one.
    """

    deliveries: tuple[DeliveryRecord, ...]
    targets: Mapping[str, TargetView]
    missing: tuple[int, ...] = ()
    next: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """The result of a change: how many deliveries were changed, and the requested ids that were not.

    For a replay of many, also the seconds until the last one is due.
    """

    changed: int
    missing: tuple[int, ...] = ()
    last_due_in: float | None = None


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The number of deliveries that `drop` or `replay` would take, by target and state."""

    counts: Mapping[TargetState, int]

    @property
    def total(self) -> int:
        """The number of deliveries."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Resumed:
    """Whether an operator had paused a target, and how it was before it was resumed."""

    was_paused: bool
    before: TargetView


async def list_deliveries(store: Store, which: Selection, limit: int, cursor_: str | None = None) -> DeliveryList:
    """Return the newest `limit` deliveries, or those that come after an earlier page.

    Raises `OperationRefused` if there is no such target or cursor, and `Unavailable`.
    """
    before = position(_KIND, cursor_)
    found = await queries.list_deliveries(store.engine, which, limit + 1, before)
    if which.target is not None and not found:
        await check_target(store, which.target)
    following = cursor(_KIND, found[limit - 1].id) if len(found) > limit else None
    missing = set(which.ids) - {one.id for one in found} if following is None and before is None else ()
    views = await instances.list_targets(store.engine)
    return DeliveryList(tuple(found[:limit]), views, tuple(sorted(missing)), following)


async def replay(store: Store, who: str, which: Selection, rate: float = RATE) -> DeliveryChange:
    """Make deliveries due, with all their attempts again; those selected by target at `rate` a second.

    Raises `OperationRefused` and `Unavailable`.
    """
    paced = None if which.ids else rate
    done = await _change(store, commands.replay, Change(who, which, rate=paced))
    if paced is not None and done.changed > paced:
        return replace(done, last_due_in=done.changed / paced)
    return done


async def plan_drop(store: Store, which: Selection) -> ChangePlan:
    """Count what `drop` would take. Raises `OperationRefused` and `Unavailable`."""
    return await _plan(store, which, commands.count_droppable)


async def plan_replay(store: Store, which: Selection) -> ChangePlan:
    """Count what `replay` would take. Raises `OperationRefused` and `Unavailable`."""
    return await _plan(store, which, commands.count_replayable)


async def _plan(
    store: Store, which: Selection, count: Callable[[Any, Selection], Awaitable[Mapping[TargetState, int]]]
) -> ChangePlan:
    check_selection(which)
    counts = await count(store.engine, which)
    if which.target is not None and not counts:
        await check_target(store, which.target)
    return ChangePlan(counts)


async def drop(store: Store, who: str, which: Selection) -> DeliveryChange:
    """Stop attempting these deliveries. Raises `OperationRefused` and `Unavailable`."""
    return await _change(store, commands.drop, Change(who, which))


async def pause(store: Store, who: str, target: str) -> bool:
    """Pause a target until `resume`. Return whether it was running.

    Raises `OperationRefused` and `Unavailable`.
    """
    await check_target(store, target)
    return await store.change(commands.pause, Pause(who, target))


async def resume(store: Store, who: str, target: str) -> Resumed:
    """Resume a target at once, even one that is paused by failures. Raises `OperationRefused` and `Unavailable`."""
    await check_target(store, target)
    view = (await instances.list_targets(store.engine)).get(target, RUNNING)
    probe = bool(view.failing or view.busy)
    return Resumed(await store.change(commands.resume, Pause(who, target, probe)), view)


async def check_target(store: Store, name: str) -> None:
    """Raise `OperationRefused` if neither a server nor the store knows a target of this name."""
    known = await instances.known_targets(store.engine)
    if name not in known:
        advice = did_you_mean(name, known) if known else "no server has reported one yet; start `serve` first"
        raise OperationRefused(f'no target is called "{name}"; {advice}')


def check_selection(which: Selection) -> None:
    """Raise `OperationRefused` unless a change names either ids or a target."""
    if bool(which.ids) == (which.target is not None):
        raise OperationRefused("give ids, or a target, with a state, a status or an age if you like")


async def _change(
    store: Store,
    verb: Callable[[Any, Sequence[Change]], Sequence[Sequence[int]]],
    order: Change,
) -> DeliveryChange:
    """Make a change in as many steps as it needs."""
    check_selection(order.which)
    changed: set[int] = set()
    full = True
    while full:
        async with step():
            ids = await store.change(verb, order)
        changed |= set(ids)
        order = replace(order, after=max(ids, default=0), done=len(changed))
        full = len(ids) == commands.BATCH
    if order.which.target is not None and not changed:
        await check_target(store, order.which.target)
    return DeliveryChange(len(changed), tuple(sorted(set(order.which.ids) - changed)))
