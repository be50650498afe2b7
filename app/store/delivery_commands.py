"""Change deliveries for an operator: pause, resume, replay, drop. Each change is recorded: who, when and what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.clock import now
from app.store.database import insert_new, insert_or
from app.store.reading import reading
from app.store.schema import actions, deliveries, is_due, pauses, probe_requests
from app.store.selection import Selection, conditions

BATCH = 2_000  # deliveries a transaction; a few dozen milliseconds of the writer's time


@dataclass(frozen=True, slots=True)
class Change:
    """A change of at most `BATCH` deliveries, those with ids above `after`.

    A large change goes in steps, between which a server writes. A replay spreads them over time: `rate` a second, with
    `done` of them before this step.
    """

    who: str
    which: Selection
    after: int = 0
    rate: float | None = None  # None: at once
    done: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """A target to be paused or resumed.

    With `probe` the delivery that has waited longest is due now, so that a target that is only probed can be tried with
    it.
    """

    who: str
    target: str
    probe: bool = False


class TargetState(NamedTuple):
    """A target, and a state of its deliveries."""

    target: str
    state: str


_DROPPABLE = deliveries.c.state.in_(("due", "dead"))


def replay(connection: sa.Connection, orders: Sequence[Change]) -> list[list[int]]:
    """Make deliveries due with all their attempts again, keeping their age, and return their ids.

    Deliveries in flight are left alone. Targets that are only probed, or have asked for time, get an attempt now.
    """
    return [_replay(connection, order) for order in orders]


def _replay(connection: sa.Connection, order: Change) -> list[int]:
    chosen = _chosen(order, *([] if order.which.ids else [~_under_way()])).subquery()
    wait = (chosen.c.place - 1 + order.done) / order.rate if order.rate else 0.0
    fresh = {
        "state": "due",
        "attempts": 0,
        "lease": None,
        "settled_at": None,
        "due_at": now() + wait,
        "replayed_at": now(),
    }
    statement = sa.update(deliveries).values(fresh).where(deliveries.c.id == chosen.c.id)
    changed = _changed(connection, "replay", order, statement)
    targets = sa.select(deliveries.c.target).where(deliveries.c.id.in_(changed)).distinct()
    for target in connection.scalars(targets).all() if changed else ():
        connection.execute(_request_probe(target))
    return changed


def drop(connection: sa.Connection, orders: Sequence[Change]) -> list[list[int]]:
    """Stop attempting deliveries, and return their ids. Deliveries that are done stay done."""
    dropped = {"state": "dropped", "lease": None, "settled_at": now()}
    return [
        _changed(
            connection,
            "drop",
            order,
            sa.update(deliveries)
            .values(dropped)
            .where(deliveries.c.id.in_(_chosen(order, _DROPPABLE).with_only_columns(deliveries.c.id))),
        )
        for order in orders
    ]


async def count_droppable(engine: AsyncEngine, which: Selection) -> dict[TargetState, int]:
    """Count the deliveries that `drop` would take. Raises `Unavailable`."""
    return await _count(engine, *conditions(which), _DROPPABLE)


async def count_replayable(engine: AsyncEngine, which: Selection) -> dict[TargetState, int]:
    """Count the deliveries that `replay` would take. Raises `Unavailable`."""
    return await _count(engine, *conditions(which), *([] if which.ids else [~_under_way()]))


def _under_way() -> sa.ColumnElement[bool]:
    return sa.and_(is_due, deliveries.c.lease.is_not(None), deliveries.c.due_at > now())


async def _count(engine: AsyncEngine, *where: sa.ColumnElement[bool]) -> dict[TargetState, int]:
    kind = deliveries.c.target, deliveries.c.state
    query = sa.select(*kind, sa.func.count()).where(*where).group_by(*kind).order_by(*kind)
    async with reading(engine) as connection:
        return {TargetState(target, state): count for target, state, count in await connection.execute(query)}


def pause(connection: sa.Connection, pausings: Sequence[Pause]) -> list[bool]:
    """Pause a target until `resume`. Return whether it was running."""
    results = []
    for pausing in pausings:
        paused = connection.execute(insert_new(pauses).values(target=pausing.target, paused_at=now()))
        leave_trace(connection, pausing.who, f"pause {pausing.target}")
        results.append(paused.rowcount > 0)
    return results


def resume(connection: sa.Connection, pausings: Sequence[Pause]) -> list[bool]:
    """Resume a target at once, even if it fails or has asked for time. Return whether an operator had paused it."""
    results = []
    for pausing in pausings:
        resumed = connection.execute(sa.delete(pauses).where(pauses.c.target == pausing.target))
        if pausing.probe:
            connection.execute(_first_in_line(pausing.target))
        connection.execute(_request_probe(pausing.target))
        leave_trace(connection, pausing.who, f"resume {pausing.target}")
        results.append(resumed.rowcount > 0)
    return results


def _request_probe(target: str) -> sa.Insert:
    """Ask running servers for an attempt. They see the request within a second."""
    new = insert_or(probe_requests, lambda new: {"asked_at": new.asked_at})
    return new.values(target=target, asked_at=now())


def _first_in_line(target: str) -> sa.Update:
    """Make the first delivery due of those that wait for a retry, or for their turn in a paced replay."""
    waits = sa.select(deliveries.c.id).where(deliveries.c.target == target, is_due, deliveries.c.lease.is_(None))
    first = waits.order_by(deliveries.c.due_at, deliveries.c.id).limit(1).scalar_subquery()
    return sa.update(deliveries).where(deliveries.c.id == first, deliveries.c.due_at > now()).values(due_at=now())


def _chosen(order: Change, *more: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Select ids, oldest first, each with its position."""
    place = sa.func.row_number().over(order_by=deliveries.c.id).label("place")
    query = sa.select(deliveries.c.id, place).where(deliveries.c.id > order.after, *conditions(order.which), *more)
    return query.order_by(deliveries.c.id).limit(BATCH)


def _changed(connection: sa.Connection, verb: str, order: Change, statement: sa.Update) -> list[int]:
    changed = sorted(connection.scalars(statement.returning(deliveries.c.id)))
    which = order.which
    what = f"target {which.target}" if which.target is not None else f"ids {', '.join(map(str, which.ids))}"
    leave_trace(connection, order.who, f"{verb} {what}: {len(changed)} deliveries")
    return changed


def leave_trace(connection: sa.Connection, who: str, what: str) -> None:
    """Record who did what, and when."""
    connection.execute(sa.insert(actions).values(at=now(), who=who, what=what))
