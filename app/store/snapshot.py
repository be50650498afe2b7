"""Figures of the store for operators and /metrics, in few statements whose cost grows only with the backlog."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.policies.usage import Budget
from app.store.clock import now
from app.store.reading import reading
from app.store.schema import deliveries, is_dead, is_due, messages, opt_outs, pauses, reports, spending
from app.store.usage import SLOT


@dataclass(frozen=True, slots=True)
class StoredBacklog:
    """The backlog of one target: deliveries that are neither done nor dead, and the age of the oldest in seconds."""

    count: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Survey:
    """The figures of one moment."""

    backlogs: Mapping[str, StoredBacklog]
    paused: frozenset[str]  # by an operator
    spent: Mapping[Budget, int]  # units


async def survey(engine: AsyncEngine, targets: Collection[str], budgets: Collection[Budget], at: float) -> Survey:
    """Return the figures of these targets and budgets at this time. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return await connection.run_sync(_survey, targets, budgets, at)


def _survey(connection: sa.Connection, targets: Collection[str], budgets: Collection[Budget], at: float) -> Survey:
    paused = frozenset(connection.scalars(sa.select(pauses.c.target)))
    return Survey(_backlogs(connection, targets), paused, _spent(connection, budgets, at))


def _backlogs(connection: sa.Connection, targets: Collection[str]) -> dict[str, StoredBacklog]:
    """Count the backlogs in two steps, so that an index alone answers. The oldest delivery has the lowest id."""
    waiting = (
        sa.select(deliveries.c.target, sa.func.count(), sa.func.min(deliveries.c.id))
        .where(deliveries.c.target.in_(targets), is_due)
        .group_by(deliveries.c.target)
    )
    found = {target: (count, first) for target, count, first in connection.execute(waiting)} if targets else {}
    ids = [first for _, first in found.values()]
    ages = sa.select(deliveries.c.id, now() - deliveries.c.created_at).where(deliveries.c.id.in_(ids))
    age = {first: seconds for first, seconds in connection.execute(ages)} if ids else {}  # noqa: C416 - rows, no pairs
    empty = {target: StoredBacklog() for target in targets}
    return empty | {
        target: StoredBacklog(count, max(age.get(first, 0.0), 0.0)) for target, (count, first) in found.items()
    }


def _spent(connection: sa.Connection, budgets: Collection[Budget], at: float) -> dict[Budget, int]:
    """Return the units of all budgets with the same window in one statement, as `usage.spent` does for one."""
    scopes: dict[float, list[str]] = {}
    for budget in budgets:
        scopes.setdefault(budget.seconds, []).append(budget.scope)
    spent = dict.fromkeys(budgets, 0)
    for seconds, names in scopes.items():
        query = (
            sa.select(spending.c.scope, sa.func.sum(spending.c.units))
            .where(spending.c.scope.in_(names), spending.c.slot >= int((at - seconds) // SLOT))
            .group_by(spending.c.scope)
        )
        spent |= {Budget(scope, seconds): int(units) for scope, units in connection.execute(query)}
    return spent


async def spent(engine: AsyncEngine, budgets: Collection[Budget], at: float) -> dict[Budget, int]:
    """Return the SMS units in the window of each spending cap that ends now. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return await connection.run_sync(_spent, budgets, at)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The deliveries of one target. `oldest`: the age of the oldest that is due, in seconds."""

    due: int = 0
    dead: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Messages without an answer, and deliveries by target."""

    pending: int
    queues: Mapping[str, QueueCounts]


async def unfinished(engine: AsyncEngine) -> Unfinished:
    """Return the unfinished messages, and the deliveries of every target that has any. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return await connection.run_sync(_unfinished)


def _unfinished(connection: sa.Connection) -> Unfinished:
    pending = sa.select(sa.func.count()).where(messages.c.state == sa.literal_column("'pending'"))
    dead = sa.select(deliveries.c.target, sa.func.count()).where(is_dead).group_by(deliveries.c.target)
    due = sa.select(deliveries.c.target).where(is_due).distinct()
    backlogs = _backlogs(connection, connection.scalars(due).all())
    counts = {target: count for target, count in connection.execute(dead)}  # noqa: C416 - rows, no pairs
    queues = {
        target: QueueCounts(backlog.count, counts.get(target, 0), backlog.oldest)
        for target in sorted(backlogs.keys() | counts.keys())
        for backlog in [backlogs.get(target, StoredBacklog())]
    }
    return Unfinished(int(connection.scalar(pending) or 0), queues)


async def is_empty(engine: AsyncEngine) -> bool:
    """Return whether the store has no message, no report and no opt-out. Raises `Unavailable`."""
    found = sa.or_(*(sa.exists(sa.select(sa.literal(1)).select_from(table)) for table in (messages, reports, opt_outs)))
    async with reading(engine) as connection:
        return not (await connection.execute(sa.select(found))).scalar_one()
