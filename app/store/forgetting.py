"""Erase what is stored about a person, or what limits have counted, in steps.

Each step is a transaction of at most `BATCH` rows, so that a running server can write in between (G4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.plivo.numbers import canonical
from app.store.delivery_commands import leave_trace
from app.store.reading import reading
from app.store.records import PersonalRows
from app.store.schema import cooldowns, deliveries, messages, opt_outs, reports, spending

BATCH = 500  # rows a step, and the deliveries of as many reports; some dozen milliseconds of the writer's time
PAGE = 5_000  # reports that one read looks at


@dataclass(frozen=True, slots=True)
class Forget:
    """An order to erase the rows of a person.

    `strays` are reports found by `find_strays`, at most `BATCH`. `done` rows were erased by earlier steps.
    """

    who: str
    person: str
    also_opt_out: bool
    strays: tuple[str, ...] = ()
    done: int = 0


@dataclass(frozen=True, slots=True)
class Reset:
    """An order to forget what is counted against a person, or (None) against the spending caps. `done` counts earlier
    steps.
    """

    who: str
    person: str | None
    done: int = 0


def forget(connection: sa.Connection, orders: Sequence[Forget]) -> list[int]:
    """Take the next step of each order, and return how many rows it erased. Fewer than `BATCH` means that none are
    left.

    Opt-outs go last, so that they still protect the person if a step fails. The trace does not name the person.
    """
    counts = []
    for order in orders:
        count = _forget(connection, order)
        if count or not order.done:
            leave_trace(connection, order.who, f"forget: {count} rows")
        counts.append(count)
    return counts


def _forget(connection: sa.Connection, order: Forget) -> int:
    person = canonical(order.person)
    theirs = sa.select(reports.c.id).where(reports.c.person == person).limit(BATCH - len(order.strays))
    report_ids = {*order.strays, *connection.scalars(theirs)}
    count = connection.execute(sa.delete(deliveries).where(deliveries.c.report_id.in_(report_ids))).rowcount
    count += connection.execute(sa.delete(reports).where(reports.c.id.in_(report_ids))).rowcount
    for table in (messages, cooldowns, *((opt_outs,) if order.also_opt_out else ())):
        chosen = _some(table, table.c.person == person, limit=max(BATCH - count, 0))
        count += connection.execute(sa.delete(table).where(chosen)).rowcount
    return count


def reset(connection: sa.Connection, orders: Sequence[Reset]) -> list[int]:
    """Take the next step of each order, and return how many rows it changed. Fewer than `BATCH` means that none are
    left.
    """
    counts = []
    for order in orders:
        count = _reset_caps(connection) if order.person is None else _reset_person(connection, canonical(order.person))
        if count or not order.done:
            leave_trace(
                connection, order.who, f"limits reset: {'the spending caps' if order.person is None else 'one person'}"
            )
        counts.append(count)
    return counts


def _reset_caps(connection: sa.Connection) -> int:
    return connection.execute(sa.delete(spending).where(_some(spending, sa.true(), limit=BATCH))).rowcount


def _reset_person(connection: sa.Connection, person: str) -> int:
    counted = _some(messages, messages.c.person == person, messages.c.counted == 1, limit=BATCH)
    count = connection.execute(sa.update(messages).where(counted).values(counted=0)).rowcount
    cooled = _some(cooldowns, cooldowns.c.person == person, limit=max(BATCH - count, 0))
    return count + connection.execute(sa.delete(cooldowns).where(cooled)).rowcount


def _some(table: sa.Table, *where: sa.ColumnElement[bool], limit: int) -> sa.ColumnElement[bool]:
    """Return the condition that a row is one of the first `limit` for which these hold."""
    key = tuple(table.primary_key)
    chosen = sa.select(*key).where(*where).limit(limit)
    return key[0].in_(chosen) if len(key) == 1 else sa.tuple_(*key).in_(chosen)


async def find_strays(engine: AsyncEngine, person: str) -> list[str]:
    """Find the ids of reports that name a person only as their sender. Raises `Unavailable`.

    No index contains senders, so this reads all reports, page by page, without holding up a writer.
    """
    found: list[str] = []
    after = float("-inf")
    while True:
        async with reading(engine) as connection:
            page = sa.select(reports.c.received_at).where(reports.c.received_at > after)
            ends = page.order_by(reports.c.received_at).limit(PAGE).subquery()
            last = await connection.scalar(sa.select(sa.func.max(ends.c.received_at)))
            if last is None:
                return found
            strays = sa.select(reports.c.id).where(
                reports.c.received_at > after,
                reports.c.received_at <= last,
                reports.c.sender.in_({person, canonical(person)}),
                reports.c.person != canonical(person),
            )
            found += await connection.scalars(strays)
        after = last


async def count_rows(engine: AsyncEngine, person: str) -> PersonalRows:
    """Count what `forget` would erase, without strays. Raises `Unavailable`."""
    theirs = canonical(person)
    tables = (messages, reports, cooldowns, opt_outs)
    counts: dict[str, Any] = {
        table.name: sa.select(sa.func.count()).select_from(table).where(table.c.person == theirs).scalar_subquery()
        for table in tables
    }
    carried = sa.select(sa.func.count()).select_from(deliveries.join(reports)).where(reports.c.person == theirs)
    counts["deliveries"] = carried.scalar_subquery()
    async with reading(engine) as connection:
        row = (await connection.execute(sa.select(*(query.label(name) for name, query in counts.items())))).one()
    return PersonalRows(**row._asdict())


async def count_limits(engine: AsyncEngine, person: str) -> PersonalRows:
    """Count what `reset` would change: counted replies, as `messages`, and cooldowns. Raises `Unavailable`."""
    theirs = canonical(person)
    count = sa.select(sa.func.count())
    counted = count.select_from(messages).where(messages.c.person == theirs, messages.c.counted == 1)
    cooled = count.select_from(cooldowns).where(cooldowns.c.person == theirs)
    async with reading(engine) as connection:
        return PersonalRows(
            messages=await connection.scalar(counted) or 0, cooldowns=await connection.scalar(cooled) or 0
        )
