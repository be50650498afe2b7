"""What limits, cooldowns and opt-outs remember, read for a group of messages and written with them (G8, G9)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.plivo.markup import parse
from app.plivo.numbers import canonical
from app.policies.reactions import ANSWERS
from app.policies.usage import Budget, Conversation, OptOutChange, OptOutState, PastReply, Usage, UsageQuery
from app.store.arrivals import Arrivals
from app.store.database import insert_or
from app.store.driver import Connection, Reader
from app.store.reading import AsReader, reading
from app.store.schema import cooldowns, messages, opt_outs, spending
from app.store.statement import Statement, one_of, values_of

SLOT = 600  # seconds; a spending cap remembers at most ten minutes longer than it says, never shorter
AHEAD = 300.0  # seconds that replicas' clocks and slow rules may differ; further ahead is a clock that was wrong

_OPT_OUTS = Statement(
    sa.select(opt_outs.c.person, opt_outs.c.number, opt_outs.c.opted_out, opt_outs.c.message_uuid, opt_outs.c.id).where(
        one_of(opt_outs.c.person, "people")
    )
)
_REPLIES = Statement(
    sa.select(messages.c.recipient, messages.c.person, messages.c.received_at, messages.c.text_key).where(
        one_of(messages.c.person, "people"),
        messages.c.counted == sa.literal_column("1"),
        messages.c.id >= sa.bindparam("first_id"),
        messages.c.received_at <= sa.bindparam("until"),
    )
)
_SPENT = Statement(
    sa.select(sa.func.coalesce(sa.func.sum(spending.c.units), sa.literal_column("0"))).where(
        spending.c.scope == sa.bindparam("scope"),
        spending.c.slot >= sa.bindparam("first_slot"),
        spending.c.slot <= sa.bindparam("last_slot"),
    )
)
_ANSWERS = Statement(
    sa.select(messages.c.xml)
    .where(messages.c.person == sa.bindparam("person"), messages.c.counted == sa.literal_column("1"))
    .order_by(messages.c.id.desc())
    .limit(sa.literal_column(str(ANSWERS)))
)
_COOLDOWNS = Statement(
    sa.select(cooldowns.c.number, cooldowns.c.person, cooldowns.c.key, cooldowns.c.at).where(
        one_of(cooldowns.c.person, "people"), cooldowns.c.at <= sa.bindparam("until")
    )
)
_SPEND = Statement(insert_or(spending, lambda new: {"units": spending.c.units + new.units}).values(values_of(spending)))
_COOL = Statement(
    insert_or(cooldowns, lambda new: {"at": new.at, "message_uuid": new.message_uuid}).values(values_of(cooldowns))
)
_CHANGE = Statement(sa.insert(opt_outs).values(values_of(opt_outs)).inline())


async def read(connection: Reader, queries: Sequence[UsageQuery], arrivals: Arrivals) -> Usage:
    """Return what these messages need to know. Rows from a clock that was ahead suppress no reply."""
    usage = Usage()
    until = max((query.at for query in queries), default=0.0) + AHEAD
    if people := sorted({person for query in queries for person in query.people}):
        await _read_opt_outs(connection, people, usage)
    if counted := [query for query in queries if query.window]:
        await _read_replies(connection, counted, arrivals, until, usage)
    for budget, at in _oldest(queries).items():
        usage.spent[budget] = await spent(connection, budget, at)
    if cooled := sorted({query.conversation.person for query in queries if query.cooldowns}):
        for number, person, key, at in await connection.fetch(_COOLDOWNS, {"people": cooled, "until": until}):
            usage.note_cooldown(Conversation(number, person), key, at)
    for conversation in {query.conversation for query in queries if query.texts}:
        usage.texts[conversation] = await _texts(connection, conversation)
    return usage


async def look_up(engine: AsyncEngine, query: UsageQuery) -> Usage:
    """Return what one message needs to know, without writing anything. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return await read(AsReader(connection), [query], Arrivals())


async def _texts(connection: Reader, conversation: Conversation) -> tuple[str, ...]:
    """Return the texts that our number last sent to this person, including answers to messages to another number."""
    number, person = conversation
    return tuple(
        sent.text
        for (xml,) in await connection.fetch(_ANSWERS, {"person": person})
        for sent in parse(xml)
        if sent.src == number and person in map(canonical, sent.dst)
    )


async def spent(connection: Reader, budget: Budget, at: float) -> int:
    """Return the SMS units in the window of a spending cap. The slot in which it begins counts as a whole."""
    values = {"scope": budget.scope, "first_slot": slot(at - budget.seconds), "last_slot": slot(at + AHEAD)}
    return int((await connection.fetch(_SPENT, values))[0][0])


async def _read_opt_outs(connection: Reader, people: list[str], usage: Usage) -> None:
    for person, number, opted_out, message_uuid, order in await connection.fetch(_OPT_OUTS, {"people": people}):
        if message_uuid:
            usage.changed_by.add(message_uuid)
        known = usage.opt_outs.setdefault(person, {})
        if number not in known or known[number].order < order:
            known[number] = OptOutState(bool(opted_out), message_uuid, order)


async def _read_replies(
    connection: Reader, queries: Sequence[UsageQuery], arrivals: Arrivals, until: float, usage: Usage
) -> None:
    first_id = await arrivals.first_id(
        connection, max(query.window for query in queries), min(query.at for query in queries)
    )
    people = sorted({query.conversation.person for query in queries})
    values = {"people": people, "first_id": first_id, "until": until}
    for number, person, at, key in await connection.fetch(_REPLIES, values):
        usage.note_reply(Conversation(number, person), PastReply(at, key))


def _oldest(queries: Iterable[UsageQuery]) -> dict[Budget, float]:
    """Return each budget with the earliest moment of the group, so that each needs one sum, whatever the size of the
    group.
    """
    moments: dict[Budget, float] = {}
    for query in queries:
        for budget in query.budgets:
            moments[budget] = min(query.at, moments.get(budget, query.at))
    return moments


def slot(at: float) -> int:
    """Return the slot of a moment, in `spending`."""
    return int(at // SLOT)


async def write_spending(connection: Connection, units: Mapping[tuple[str, int], int]) -> None:
    """Add the SMS units that were admitted, by scope and slot."""
    rows = [{"scope": scope, "slot": number, "units": count} for (scope, number), count in sorted(units.items())]
    await connection.execute_many(_SPEND, rows)


async def write_cooldowns(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write cooldowns that begin: number, person, key, at, message_uuid."""
    await connection.execute_many(_COOL, rows)


async def write_opt_outs(connection: Connection, changes: Sequence[OptOutChange]) -> None:
    """Write opt-out changes, in order."""
    await connection.execute_many(_CHANGE, [change_row(change) for change in changes])


def change_row(change: OptOutChange) -> dict[str, Any]:
    """Return a row of `opt_outs`."""
    number, person = change.conversation
    return {
        "number": number,
        "person": person,
        "opted_out": int(change.opted_out),
        "at": change.at,
        "message_uuid": change.message_uuid,
        "word": change.word,
        "signed_by": change.signed_by,
        "source": change.source,
    }
