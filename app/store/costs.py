"""What Plivo reported of messages that were sent, for sums by route, rule and country."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.arrivals import first_after
from app.store.reading import AsReader, reading
from app.store.schema import messages, reports


class LastReport(NamedTuple):
    """The last report of a message that was sent. `recipient` is who got it."""

    route: str | None
    rule: str | None
    recipient: str
    units: int | None
    parameters: str  # JSON


class UnreportedReply(NamedTuple):
    """A reply of which nothing is reported, and who it answered."""

    route: str | None
    rule: str | None
    recipient: str


async def last_reports(engine: AsyncEngine, since: float) -> AsyncIterator[LastReport]:
    """Yield the last report of each message that was reported since a time. Raises `Unavailable`."""
    newest = (sa.func.coalesce(reports.c.sequence, -1).desc(), reports.c.received_at.desc(), reports.c.id)
    place = sa.func.row_number().over(partition_by=reports.c.message_uuid, order_by=newest)
    columns = [reports.c[name] for name in LastReport._fields]
    since_then = reports.c.kind == "report", reports.c.received_at >= since
    ranked = sa.select(*columns, place.label("place")).where(*since_then).subquery()
    query = sa.select(*(ranked.c[name] for name in LastReport._fields)).where(ranked.c.place == 1)
    async for row in _rows(engine, query):
        yield LastReport(*row)


async def unreported_replies(engine: AsyncEngine, since: float) -> AsyncIterator[UnreportedReply]:
    """Yield the replies to messages that came since a time of which there is no report. Raises `Unavailable`."""
    async with reading(engine) as connection:
        first = await first_after(AsReader(connection), messages.c.id, messages.c.received_at, since)
    reported = sa.exists().where(reports.c.in_reply_to == messages.c.message_uuid, reports.c.kind == "report")
    query = sa.select(messages.c.route, messages.c.rule, messages.c.sender)
    sent = messages.c.id >= first, messages.c.received_at >= since, messages.c.reply_units > 0
    async for row in _rows(engine, query.where(*sent, ~reported)):
        yield UnreportedReply(*row)


async def _rows(engine: AsyncEngine, query: sa.Select[Any]) -> AsyncIterator[Sequence[Any]]:
    async with reading(engine) as connection:
        async for row in await connection.stream(query):
            yield row
