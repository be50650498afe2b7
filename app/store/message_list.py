"""Pages of messages, newest first.

Only people and pending messages have an index. Every other filter reads rows, so a page looks at `SCAN` of them at
most: it may hold fewer messages than were asked for, or none, and still have a next one.
"""

import math
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.plivo.numbers import canonical
from app.store.arrivals import first_after
from app.store.queries import Row, message_records, plain, within
from app.store.reading import AsReader, reading
from app.store.records import EVER, MessageRecord, Span
from app.store.schema import messages, reports

SCAN = 40_000  # rows that a page looks at: 40 ms
SCAN_REPORTS = 10_000  # where each row needs a look at its reports

MessageOutcome = Literal["answered", "silent", "pending", "failed", "not_fetched", "delivered", "undelivered"]
Conditions = list[sa.ColumnElement[bool]]
Page = tuple[list[MessageRecord], int | None]


@dataclass(frozen=True, slots=True)
class StoredFilter:
    """A filter of messages. None and empty values select everything.

    `people` are canonical numbers. `addresses` are what one number may mean: a person, or one of our numbers.
    """

    route: str | None = None
    rule: str | None = None
    outcome: MessageOutcome | None = None
    addresses: tuple[str, ...] = ()
    span: Span = EVER
    people: tuple[str, ...] = ()


def _reported(*statuses: str) -> sa.ColumnElement[bool]:
    theirs = reports.c.in_reply_to == messages.c.message_uuid, reports.c.kind == "report"
    return sa.exists().where(*theirs, reports.c.status.in_(statuses))


_is_pending = messages.c.state == sa.literal_column("'pending'")  # literal, so that its index serves
_replied = messages.c.reply_units > 0
_undelivered = _reported("undelivered", "failed", "rejected")
_OUTCOMES: dict[MessageOutcome, sa.ColumnElement[bool]] = {
    "answered": _replied,
    "silent": ~_is_pending & ~_replied & (messages.c.failures == 0),
    "pending": _is_pending,
    "failed": ~_replied & (messages.c.failures > 0),
    "not_fetched": ~_is_pending & messages.c.handed_over_at.is_(None),
    "delivered": _replied & _reported("delivered") & ~_undelivered,
    "undelivered": _replied & _undelivered,
}
_BY_REPORTS = ("delivered", "undelivered")


async def list_messages(engine: AsyncEngine, which: StoredFilter, before: int | None, limit: int) -> Page:
    """Return the newest `limit` messages whose row id is below `before`, and below which id the next page begins.

    Raises `Unavailable`.
    """
    async with reading(engine) as connection:
        indexed, others = await _conditions(connection, which, before)
        lowest = await _end_of_scan(connection, indexed, which) if others else None
        if lowest is not None:
            indexed = [*indexed, messages.c.id > lowest]
        found = await _newest(connection, [*indexed, *others, within(messages, which.span)], limit + 1)
        records = await message_records(connection, found[:limit])
    if len(found) > limit:
        return records, int(found[limit - 1]["id"])
    return records, None if lowest is None else lowest + 1


async def find_message(engine: AsyncEngine, uuid: str) -> MessageRecord | None:
    """Return a message by its MessageUUID, or by the MessageUUID of a reply that was reported. Raises `Unavailable`."""
    answered = sa.select(reports.c.in_reply_to).where(reports.c.message_uuid == uuid, reports.c.kind == "report")
    async with reading(engine) as connection:
        found = await _newest(connection, [messages.c.message_uuid == uuid], 1)
        found = found or await _newest(connection, [messages.c.message_uuid.in_(answered)], 1)
        records = await message_records(connection, found)
    return records[0] if records else None


async def _conditions(
    connection: AsyncConnection, which: StoredFilter, before: int | None
) -> tuple[Conditions, Conditions]:
    """Return the conditions that an index serves (ids, a person, pending messages), and the others."""
    indexed = [messages.c.id < before] if before is not None else []
    indexed += await _ids(connection, which.span)
    others: Conditions = []
    if which.people:
        indexed.append(messages.c.person.in_(which.people))
    if which.addresses:
        theirs = messages.c.person.in_({canonical(address) for address in which.addresses})
        if await connection.scalar(sa.select(sa.exists().where(theirs))):
            indexed.append(theirs)
        else:  # one of our numbers, or nobody
            others.append(messages.c.recipient.in_(which.addresses))
    if which.outcome is not None:
        (indexed if which.outcome == "pending" else others).append(_OUTCOMES[which.outcome])
    wanted = {messages.c.route: which.route, messages.c.rule: which.rule}
    return indexed, others + [column == value for column, value in wanted.items() if value is not None]


async def _ids(connection: AsyncConnection, span: Span) -> Conditions:
    """Return the range of ids of a span of time."""
    id_, found = messages.c.id, []
    for at, compare in ((span.since, id_.__ge__), (span.until, id_.__lt__)):
        if at is not None:
            first = await first_after(AsReader(connection), id_, messages.c.received_at, math.nextafter(at, -math.inf))
            found.append(compare(first))
    return found


async def _end_of_scan(connection: AsyncConnection, indexed: Conditions, which: StoredFilter) -> int | None:
    """Return the id of the first row that this page does not look at; None if it looks at all of them."""
    rows = SCAN_REPORTS if which.outcome in _BY_REPORTS else SCAN
    query = sa.select(messages.c.id).where(*indexed).order_by(messages.c.id.desc()).limit(1).offset(rows)
    return await connection.scalar(query)


async def _newest(connection: AsyncConnection, where: Conditions, limit: int) -> list[Row]:
    """Return the newest rows. Their ids are sorted, not the rows, and an index may have them all."""
    ids = sa.select(messages.c.id).where(*where).order_by(messages.c.id.desc()).limit(limit)
    query = sa.select(messages).where(messages.c.id.in_(ids)).order_by(messages.c.id.desc())
    return [plain(row) for row in (await connection.execute(query)).mappings()]
