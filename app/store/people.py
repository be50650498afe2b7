"""Queries and changes of operators about people: opt-outs, counted replies, and the addresses that the store knows.

A person is a canonical number (`plivo.numbers.canonical`): two ways to write one phone are one person. `forgetting.py`
erases the rows of a person.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.plivo.numbers import canonical
from app.policies.usage import Conversation, OptOutChange
from app.store.arrivals import first_after
from app.store.delivery_commands import leave_trace
from app.store.queries import Row, plain
from app.store.reading import AsReader, reading
from app.store.records import OptOutRecord, ReplyCount
from app.store.schema import cooldowns, messages, opt_outs, reports
from app.store.usage import change_row

BATCH = 1_000  # opt-out changes a transaction; a few dozen milliseconds of the writer's time

ADDRESSES = (  # every column that holds one; those with an index come first, and mostly answer
    *(table.c.person for table in (messages, reports, opt_outs, cooldowns)),
    *(table.c.number for table in (opt_outs, cooldowns)),
    *(table.c[name] for table in (messages, reports) for name in ("sender", "recipient")),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Opt-outs that begin or end, at most `BATCH` together.

    A large change goes in steps, between which a server writes.
    """

    who: str
    changes: tuple[OptOutChange, ...]


def change(connection: sa.Connection, orders: Sequence[Changes]) -> list[int]:
    """Record opt-outs that begin or end. Return how many of each order changed anything."""
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
    """Yield the changes that differ from what is in force."""
    latest = _in_force(connection, {change.conversation.person for change in changes})
    for change in changes:
        if latest.get(change.conversation, False) != change.opted_out:
            latest[change.conversation] = change.opted_out
            yield change


def _in_force(connection: sa.Connection, persons: Collection[str]) -> dict[Conversation, bool]:
    """Return whether these people have opted out, for each number to which they ever sent STOP or START."""
    query = sa.select(opt_outs.c.number, opt_outs.c.person, opt_outs.c.opted_out).order_by(opt_outs.c.id)
    rows = connection.execute(query.where(opt_outs.c.person.in_(persons)))
    return {Conversation(number, person): bool(opted_out) for number, person, opted_out in rows}


async def known_opt_outs(engine: AsyncEngine, changes: Sequence[OptOutChange]) -> set[Conversation]:
    """Return the conversations of these changes in which an opt-out is in force. Raises `Unavailable`."""
    found: set[Conversation] = set()
    wanted = {change.conversation for change in changes}
    persons = sorted({person for _, person in wanted})
    for start in range(0, len(persons), BATCH):
        async with reading(engine) as connection:
            in_force = await connection.run_sync(_in_force, persons[start : start + BATCH])
        found |= {conversation for conversation, opted_out in in_force.items() if opted_out}
    return found & wanted


async def known(engine: AsyncEngine, addresses: Iterable[str]) -> set[str]:
    """Return those of the addresses that are in the store, as ours or a person's. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return {address for address in addresses if await connection.scalar(_stands(address))}


def _stands(address: str) -> sa.Select[tuple[bool]]:
    forms = address, canonical(address)
    return sa.select(sa.or_(*(sa.exists().where(column.in_(forms)) for column in ADDRESSES)))


async def known_people(engine: AsyncEngine, people: Iterable[str]) -> set[str]:
    """Return those of the canonical numbers that an index knows as a person's. Raises `Unavailable`."""
    columns = [table.c.person for table in (messages, reports, opt_outs, cooldowns)]
    async with reading(engine) as connection:
        return {
            person
            for person in people
            if await connection.scalar(sa.select(sa.or_(*(sa.exists().where(column == person) for column in columns))))
        }


async def is_ours(engine: AsyncEngine, number: str) -> bool:
    """Return whether messages were sent to this number, so that it is one of ours. Raises `Unavailable`."""
    query = sa.select(sa.exists().where(messages.c.recipient == number))
    async with reading(engine) as connection:
        return bool(await connection.scalar(query))


async def list_opt_outs(engine: AsyncEngine, person: str | None, *, ended: bool) -> list[OptOutRecord]:
    """List opt-outs, oldest first; with `ended` those that START or an operator ended, too. Raises `Unavailable`."""
    query = sa.select(opt_outs).order_by(opt_outs.c.id)
    if person is not None:
        query = query.where((opt_outs.c.person == canonical(person)) | (opt_outs.c.number == person))
    async with reading(engine) as connection:
        found = _periods(plain(row) for row in (await connection.execute(query)).mappings())
    found.sort(key=lambda record: record.at)  # an import may bring older ones
    return [record for record in found if ended or record.ended_at is None]


def _periods(changes: Iterable[Row]) -> list[OptOutRecord]:
    """Return each opt-out with its end, if it has one."""
    periods: list[OptOutRecord] = []
    open_periods: dict[tuple[str, str], int] = {}  # (number, person) -> position in `periods`
    for row in changes:
        pair = row["number"], row["person"]
        if not row["opted_out"]:
            if (place := open_periods.pop(pair, None)) is not None:
                periods[place] = replace(periods[place], ended_at=row["at"], ended_by=row["word"])
        elif pair not in open_periods:
            open_periods[pair] = len(periods)
            periods.append(OptOutRecord(**{name: row[name] for name in row.keys() - {"id", "opted_out"}}))
    return periods


async def list_counts(engine: AsyncEngine, since: float, limit: int, who: str | None = None) -> list[ReplyCount]:
    """Count the replies to each person, or to one, since a time, the busiest first. Raises `Unavailable`."""
    count: sa.ColumnElement[Any] = sa.func.count()
    async with reading(engine) as connection:
        first = await first_after(AsReader(connection), messages.c.id, messages.c.received_at, since)
    number, person, at = messages.c.recipient.label("number"), messages.c.person, messages.c.received_at
    query = (
        sa.select(number, person, count.label("replies"), sa.func.max(at).label("last"))
        .where(
            messages.c.id >= first,
            at > since,
            messages.c.counted == 1,
            *([messages.c.person == canonical(who)] if who else ()),
        )
        .group_by(number, person)
        .order_by(count.desc())
        .limit(limit)
    )
    async with reading(engine) as connection:
        return [ReplyCount(**plain(row)) for row in (await connection.execute(query)).mappings()]
