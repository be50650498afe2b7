"""What the operator does about a person: opt-outs, limits, and forgetting them.

A person is a canonical number (`plivo.numbers.canonical`): two ways to write one phone are one person.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.plivo.numbers import canonical
from app.policies.usage import Conversation, OptOutChange
from app.store.delivery_commands import leave_trace
from app.store.queries import Row, plain
from app.store.reading import reading
from app.store.schema import cooldowns, deliveries, messages, opt_outs, reports, spending
from app.store.usage import change_row

BATCH = 1_000  # opt-out changes a transaction; a few dozen milliseconds of the writer's time

ADDRESSES = (  # every column that holds one
    *(table.c[name] for table in (messages, reports) for name in ("sender", "recipient", "person")),
    *(table.c[name] for table in (opt_outs, cooldowns) for name in ("number", "person")),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Opt-outs that begin or end, together: at most `BATCH`, so that a large change goes in steps between which a
    server writes.
    """

    who: str
    changes: tuple[OptOutChange, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """What is counted against a person is forgotten; None: against the spending caps."""

    who: str
    person: str | None


@dataclass(frozen=True, slots=True)
class Forget:
    """Every row of a person."""

    who: str
    person: str
    also_opt_out: bool


def change(connection: sa.Connection, orders: Sequence[Changes]) -> list[int]:
    """How many of each order changed anything."""
    counts = []
    for order in orders:
        changed = list(_new(connection, order.changes))
        if changed:
            connection.execute(sa.insert(opt_outs), [change_row(change) for change in changed])
        added = sum(change.opted_out for change in changed)
        leave_trace(connection, order.who, f"opt-out: {added} added, {len(changed) - added} removed")
        counts.append(len(changed))
    return counts


def _new(connection: sa.Connection, changes: Sequence[OptOutChange]) -> Iterator[OptOutChange]:
    """Those that differ from what is in force."""
    latest = _in_force(connection, {change.conversation.person for change in changes})
    for change in changes:
        if latest.get(change.conversation, False) != change.opted_out:
            latest[change.conversation] = change.opted_out
            yield change


def _in_force(connection: sa.Connection, persons: Collection[str]) -> dict[Conversation, bool]:
    """Whether each of these people has opted out of each number, where either was ever said."""
    query = sa.select(opt_outs.c.number, opt_outs.c.person, opt_outs.c.opted_out).order_by(opt_outs.c.id)
    rows = connection.execute(query.where(opt_outs.c.person.in_(persons)))
    return {Conversation(number, person): bool(opted_out) for number, person, opted_out in rows}


def reset(connection: sa.Connection, orders: Sequence[Reset]) -> list[int]:
    """How many rows each order took away."""
    counts = []
    for order in orders:
        if order.person is None:
            counts.append(connection.execute(sa.delete(spending)).rowcount)
            leave_trace(connection, order.who, "limits reset: the spending caps")
        else:
            mine = messages.c.person == canonical(order.person), messages.c.counted == 1
            uncounted = sa.update(messages).where(*mine).values(counted=0)
            cooled = sa.delete(cooldowns).where(cooldowns.c.person == canonical(order.person))
            counts.append(sum(connection.execute(statement).rowcount for statement in (uncounted, cooled)))
            leave_trace(connection, order.who, "limits reset: one person")
    return counts


def forget(connection: sa.Connection, orders: Sequence[Forget]) -> list[int]:
    """How many rows each order took away. The trace does not name the person."""
    counts = []
    for order in orders:
        person = canonical(order.person)
        report_ids = sa.select(reports.c.id).where(_of(reports, order.person))
        mine = [
            sa.delete(deliveries).where(deliveries.c.report_id.in_(report_ids)),
            *(sa.delete(table).where(_of(table, order.person)) for table in (messages, reports)),
        ]
        tables = (cooldowns, opt_outs) if order.also_opt_out else (cooldowns,)
        mine += [sa.delete(table).where(table.c.person == person) for table in tables]
        counts.append(sum(connection.execute(statement).rowcount for statement in mine))
        leave_trace(connection, order.who, f"forget: {counts[-1]} rows")
    return counts


def _of(table: sa.Table, person: str) -> sa.ColumnElement[bool]:
    return (table.c.person == canonical(person)) | (table.c.sender == person) | (table.c.recipient == person)


async def known(engine: AsyncEngine, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that stand in the store, as ours or a person's. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return {address for address in addresses if await connection.scalar(_stands(address))}


def _stands(address: str) -> sa.Select[tuple[bool]]:
    forms = address, canonical(address)
    return sa.select(sa.or_(*(sa.exists().where(column.in_(forms)) for column in ADDRESSES)))


async def is_ours(engine: AsyncEngine, number: str) -> bool:
    """Whether messages came to this number: it is none of a person. Raises `Unavailable`."""
    query = sa.select(sa.exists().where(messages.c.recipient == number))
    async with reading(engine) as connection:
        return bool(await connection.scalar(query))


async def list_opt_outs(engine: AsyncEngine, person: str | None, *, ended: bool) -> list[Row]:
    """Opt-outs, oldest first; with `ended` those that START or an operator has ended, too. Raises `Unavailable`."""
    query = sa.select(opt_outs).order_by(opt_outs.c.id)
    if person is not None:
        query = query.where((opt_outs.c.person == canonical(person)) | (opt_outs.c.number == person))
    async with reading(engine) as connection:
        found = list(_episodes(plain(row) for row in (await connection.execute(query)).mappings()))
    found.sort(key=lambda row: float(row["at"]))  # an import may bring older ones
    return [row for row in found if ended or row["ended_at"] is None]


def _episodes(changes: Iterable[Row]) -> Iterator[Row]:
    """Each opt-out with its end, if it has one."""
    open_periods: dict[tuple[str, str], Row] = {}
    for row in changes:
        pair = row["number"], row["person"]
        if row.pop("opted_out"):
            if pair not in open_periods:
                open_periods[pair] = row | {"ended_at": None, "ended_by": None}
                yield open_periods[pair]
        elif opened := open_periods.pop(pair, None):
            opened |= {"ended_at": row["at"], "ended_by": row["word"]}


async def list_counts(engine: AsyncEngine, since: float, limit: int) -> list[Row]:
    """Replies to each person since then, the most first. Raises `Unavailable`."""
    count: sa.ColumnElement[Any] = sa.func.count()
    number, person, at = messages.c.recipient.label("number"), messages.c.person, messages.c.received_at
    query = (
        sa.select(number, person, count.label("replies"), sa.func.max(at).label("last"))
        .where(at > since, messages.c.counted == 1)
        .group_by(number, person)
        .order_by(count.desc())
        .limit(limit)
    )
    async with reading(engine) as connection:
        return [plain(row) for row in (await connection.execute(query)).mappings()]
