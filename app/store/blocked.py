"""Opt-outs that reports prove: Plivo refused a message because the person has sent it STOP (G9)."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from app.delivery.queue import IncomingReport
from app.plivo.numbers import canonical
from app.policies.usage import Conversation, OptOutChange
from app.store import proofs, usage
from app.store.driver import Connection
from app.store.schema import messages, opt_outs
from app.store.statement import Statement, one_of

_NEWEST = Statement(
    sa.select(opt_outs.c.number, opt_outs.c.person, opt_outs.c.opted_out, opt_outs.c.at)
    .where(one_of(opt_outs.c.person, "people"))
    .order_by(opt_outs.c.id)
)
_ANSWERED = Statement(
    sa.select(messages.c.message_uuid, messages.c.received_at).where(one_of(messages.c.message_uuid, "uuids"))
)


async def record(connection: Connection, incoming: Sequence[IncomingReport]) -> set[Conversation]:
    """Record the opt-outs that these new reports prove, and return whose. One that is in force is not recorded again.

    A report about an answer that was given before the person opted in again proves nothing.
    """
    proving = [one for one in incoming if one.proves_opt_out]
    if not proving:
        return set()
    newest = await _newest(connection, proving)
    answered = await _answered(connection, proving)
    changes = dict(_new(proving, newest, answered))
    if not changes:
        return set()
    await usage.write_opt_outs(connection, list(changes.values()))
    vouching = [proof for one in proving if conversation_of(one) in changes for proof in one.proofs]
    await proofs.keep_for_opt_outs(connection, vouching)
    return set(changes)


def _new(
    proving: Sequence[IncomingReport], newest: dict[Conversation, tuple[bool, float]], answered: dict[str, float]
) -> Iterator[tuple[Conversation, OptOutChange]]:
    for one in proving:
        conversation = conversation_of(one)
        opted_out, changed_at = newest.get(conversation, (False, float("-inf")))
        sent_at = answered.get(one.report.in_reply_to or "", one.received_at)
        if not opted_out and sent_at >= changed_at:
            word = f"error {one.report.error_code}"
            change = OptOutChange(conversation, True, one.received_at, None, word, one.signed_by, "report")
            yield conversation, change


def conversation_of(one: IncomingReport) -> Conversation:
    """Return our number and the person that a report is about."""
    return Conversation(one.report.sender, canonical(one.report.to))


async def _newest(connection: Connection, proving: Sequence[IncomingReport]) -> dict[Conversation, tuple[bool, float]]:
    """Return whether each person is opted out of each number, and since when."""
    rows = await connection.fetch(_NEWEST, {"people": sorted({conversation_of(one).person for one in proving})})
    return {Conversation(number, person): (bool(opted_out), at) for number, person, opted_out, at in rows}


async def _answered(connection: Connection, proving: Sequence[IncomingReport]) -> dict[str, float]:
    """Return when the messages arrived whose answers these reports are about, by MessageUUID."""
    uuids = sorted({one.report.in_reply_to for one in proving if one.report.in_reply_to})
    return dict(map(tuple, await connection.fetch(_ANSWERED, {"uuids": uuids})))
