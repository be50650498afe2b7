"""What the operator does about a person: opt-outs, limits, and forgetting them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.policies.ledger import OptOutChange
from app.store import usage as memory
from app.store.delivery_commands import leave_trace
from app.store.queries import Row, plain
from app.store.reading import reading
from app.store.schema import claims, cooldowns, deliveries, messages, opt_outs, replies, reports, spending

ADDRESSES = (  # every column that holds one
    *(table.c[name] for table in (messages, reports) for name in ("sender", "recipient")),
    *(table.c[name] for table in (opt_outs, replies, cooldowns) for name in ("number", "person")),
    claims.c.person,
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Opt-outs that begin or end, together."""

    who: str
    changes: tuple[OptOutChange, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """What is counted against a person is forgotten; None: against the fuses."""

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
        changed = [made for made in order.changes if memory.change(connection, made)]
        added = sum(made.out for made in changed)
        leave_trace(connection, order.who, f"opt-out: {added} added, {len(changed) - added} removed")
        counts.append(len(changed))
    return counts


def reset(connection: sa.Connection, orders: Sequence[Reset]) -> list[int]:
    """How many rows each order took away."""
    counts = []
    for order in orders:
        if order.person is None:
            counts.append(connection.execute(sa.delete(spending)).rowcount)
            leave_trace(connection, order.who, "limits reset: the fuses")
        else:
            mine = [sa.delete(table).where(table.c.person == order.person) for table in (replies, cooldowns)]
            counts.append(sum(connection.execute(statement).rowcount for statement in mine))
            leave_trace(connection, order.who, "limits reset: one person")
    return counts


def forget(connection: sa.Connection, orders: Sequence[Forget]) -> list[int]:
    """How many rows each order took away. The trace does not name the person."""
    counts = []
    for order in orders:
        told = sa.select(reports.c.id).where(_names(reports, order.person))
        mine = [
            sa.delete(deliveries).where(deliveries.c.report_id.in_(told)),
            *(sa.delete(table).where(_names(table, order.person)) for table in (messages, reports)),
        ]
        tables = (claims, replies, cooldowns, opt_outs) if order.also_opt_out else (claims, replies, cooldowns)
        mine += [sa.delete(table).where(table.c.person == order.person) for table in tables]
        counts.append(sum(connection.execute(statement).rowcount for statement in mine))
        leave_trace(connection, order.who, f"forget: {counts[-1]} rows")
    return counts


def _names(table: sa.Table, person: str) -> sa.ColumnElement[bool]:
    return (table.c.sender == person) | (table.c.recipient == person)


async def known(engine: AsyncEngine, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that stand in the store, as ours or a person's. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return {address for address in addresses if await connection.scalar(_stands(address))}


def _stands(address: str) -> sa.Select[tuple[bool]]:
    return sa.select(sa.or_(*(sa.exists().where(column == address) for column in ADDRESSES)))


async def is_ours(engine: AsyncEngine, number: str) -> bool:
    """Whether messages came to this number: it is none of a person. Raises `Unavailable`."""
    query = sa.select(sa.exists().where(messages.c.recipient == number))
    async with reading(engine) as connection:
        return bool(await connection.scalar(query))


async def list_opt_outs(engine: AsyncEngine, person: str | None, *, ended: bool) -> list[Row]:
    """Opt-outs, oldest first. Raises `Unavailable`."""
    query = sa.select(opt_outs).order_by(opt_outs.c.at)
    if person is not None:
        query = query.where((opt_outs.c.person == person) | (opt_outs.c.number == person))
    if not ended:
        query = query.where(opt_outs.c.ended_at.is_(None))
    async with reading(engine) as connection:
        return [plain(row) for row in (await connection.execute(query)).mappings()]


async def list_counts(engine: AsyncEngine, since: float, limit: int) -> list[Row]:
    """Replies to each person since then, the most first. Raises `Unavailable`."""
    count: sa.ColumnElement[Any] = sa.func.count()
    query = (
        sa.select(replies.c.number, replies.c.person, count.label("replies"), sa.func.max(replies.c.at).label("last"))
        .where(replies.c.at > since)
        .group_by(replies.c.number, replies.c.person)
        .order_by(count.desc())
        .limit(limit)
    )
    async with reading(engine) as connection:
        return [plain(row) for row in (await connection.execute(query)).mappings()]
