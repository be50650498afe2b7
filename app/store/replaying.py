"""What `backtest` reads: messages in order of arrival, a batch at a time, and the opt-outs that no message explains.

Each batch is a read of its own, so that a server beside it can empty its write-ahead log in between.
"""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.frozen import frozen
from app.policies.usage import Conversation, OptOutChange, OptOutState
from app.store.arrivals import first_after
from app.store.reading import AsReader, reading
from app.store.schema import messages, opt_outs

BATCH = 1_000  # rows of one read


@frozen
class PastMessage:
    """A message of the store with what it was answered. The fields are columns of `messages`."""

    id: int
    message_uuid: str
    received_at: float
    answered_at: float | None
    calls: str | None  # JSON; None: one call, answered at once
    sender: str
    person: str
    recipient: str
    type: str
    intent: str
    text: str | None  # None: not kept
    units: int | None
    media: str  # JSON
    route: str | None
    rule: str | None
    reason: str
    steps: str  # JSON
    xml: bytes  # empty: pending, or not kept
    signed_by: str
    state: str
    counted: int
    text_key: str | None
    reply_units: int

    @property
    def at(self) -> float:
        """When its rules were asked: at the last call before the answer was ready. They end before the next call."""
        if self.answered_at is None or self.calls is None:
            return self.received_at
        calls = [call["at"] for call in json.loads(self.calls)]
        return max((at for at in calls if at <= self.answered_at), default=self.received_at)


class Rows(NamedTuple):
    """A range of rows of `messages`, both ends included, and when the first of them came. Empty: `last` is lower."""

    first: int
    last: int
    at: float | None


_COLUMNS = [messages.c[name] for name in PastMessage.__dataclass_fields__]
_ANSWERED = sa.and_(messages.c.counted == 1, messages.c.xml != b"")


async def rows_since(engine: AsyncEngine, since: float | None) -> Rows:
    """Return the rows that came after a time; None: all rows. Raises `Unavailable`."""
    after = float("-inf") if since is None else since
    async with reading(engine) as connection:
        first = await first_after(AsReader(connection), messages.c.id, messages.c.received_at, after)
        last = await connection.scalar(sa.select(sa.func.max(messages.c.id)))
        came = sa.select(messages.c.received_at).where(messages.c.id >= first).order_by(messages.c.id).limit(1)
        at = await connection.scalar(came)
    return Rows(first, -1 if at is None else int(last or -1), at)


async def read_messages(engine: AsyncEngine, rows: Rows) -> AsyncIterator[Sequence[PastMessage]]:
    """Yield the messages of a range in order of arrival, in batches. Raises `Unavailable`."""
    start = rows.first
    while start <= rows.last:
        query = sa.select(*_COLUMNS).where(messages.c.id >= start, messages.c.id <= rows.last)
        async with reading(engine) as connection:
            found = [PastMessage(*row) for row in await connection.execute(query.order_by(messages.c.id).limit(BATCH))]
        if not found:
            return
        start = found[-1].id + 1
        yield found


async def answers_before(engine: AsyncEngine, person: str, before: int, most: int) -> list[tuple[int, bytes]]:
    """Return the newest answers of a person before a row of `messages`: row and XML. Raises `Unavailable`."""
    query = sa.select(messages.c.id, messages.c.xml).where(_ANSWERED, messages.c.person == person)
    async with reading(engine) as connection:
        found = await connection.execute(query.where(messages.c.id < before).order_by(messages.c.id.desc()).limit(most))
        return [(id_, xml) for id_, xml in found]


async def first_change(engine: AsyncEngine, at: float) -> int:
    """Return the row of the first opt-out change that was made at this time or later. Raises `Unavailable`."""
    later = sa.select(sa.func.min(opt_outs.c.id)).where(opt_outs.c.at >= at)
    beyond = sa.select(sa.func.coalesce(sa.func.max(opt_outs.c.id), 0) + 1)
    query = sa.select(sa.func.coalesce(later.scalar_subquery(), beyond.scalar_subquery()))
    async with reading(engine) as connection:
        return int(await connection.scalar(query) or 0)


async def opt_outs_before(
    engine: AsyncEngine, people: Collection[str], before: int
) -> list[tuple[Conversation, OptOutState]]:
    """Return the opt-out changes of these people before a row of `opt_outs`, oldest first. Raises `Unavailable`."""
    query = sa.select(opt_outs).where(opt_outs.c.person.in_(people), opt_outs.c.id < before).order_by(opt_outs.c.id)
    async with reading(engine) as connection:
        return [
            (Conversation(row.number, row.person), OptOutState(bool(row.opted_out), row.message_uuid, row.id))
            for row in await connection.execute(query)
        ]


async def unexplained_changes(engine: AsyncEngine, first: int) -> AsyncIterator[tuple[float, OptOutChange]]:
    """Yield the opt-out changes from a row on that replaying the messages does not repeat, with when each took effect.

    They were made by commands and reports, or by messages that are erased or whose text is. An import may bring
    changes that are dated back: none takes effect before what stands before it. Raises `Unavailable`.
    """
    at, start = float("-inf"), first
    while True:
        async with reading(engine) as connection:
            rows = (await connection.execute(_changes().where(opt_outs.c.id >= start).limit(BATCH))).all()
        for row in rows:
            at = max(at, row.at)
            if not row.is_explained:
                yield at, _change(row)
        if not rows:
            return
        start = rows[-1].id + 1


def _changes() -> sa.Select[Any]:
    kept = sa.and_(messages.c.text.is_not(None), messages.c.xml != b"")
    message = sa.exists().where(messages.c.message_uuid == opt_outs.c.message_uuid, kept)
    explained = sa.and_(opt_outs.c.source == "message", message)
    return sa.select(opt_outs, explained.label("is_explained")).order_by(opt_outs.c.id)


def _change(row: Any) -> OptOutChange:
    return OptOutChange(
        Conversation(row.number, row.person),
        bool(row.opted_out),
        row.at,
        row.message_uuid,
        row.word,
        row.signed_by,
        row.source,
    )
