"""The row of a message: how it is found, written and changed."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from app.replies.journal import Arrival, Submission
from app.replies.proposals import NO_STEPS, Proposal
from app.store.clock import now
from app.store.database import insert_new
from app.store.driver import Connection
from app.store.schema import messages
from app.store.statement import Statement, one_of, values_of
from app.store.stored_message import StoredMessage

ASKING = "its rules are being asked"

FIND = Statement(
    sa.select(
        messages.c.message_uuid,
        messages.c.id,
        messages.c.state,
        messages.c.xml,
        messages.c.calls,
        messages.c.received_at,
        messages.c.handed_over_at,
        messages.c.failures,
    ).where(one_of(messages.c.message_uuid, "uuids"))
)
INSERT = Statement(sa.insert(messages).values(values_of(messages)).inline())
INSERT_NEW = Statement(insert_new(messages).values(values_of(messages)).inline())
ANSWER = Statement(
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("row"))
    .values(
        {
            name: sa.bindparam(name)
            for name in (
                "route", "rule", "reason", "steps", "xml", "config", "parameters", "state", "counted", "text_key",
                "reply_units", "owner", "claimed_until", "calls", "answered_at", "handed_over_at",
            )
        }
    )
)  # fmt: skip
CALLED = Statement(
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("row"))
    .values(calls=sa.bindparam("calls"), handed_over_at=sa.bindparam("handed_over_at"))
)
CLAIM = Statement(
    sa.update(messages)
    .where(
        messages.c.id == sa.bindparam("row"),
        messages.c.state == sa.literal_column("'pending'"),
        messages.c.claimed_until.is_(None)
        | (messages.c.claimed_until <= now())
        | (messages.c.owner == sa.bindparam("claimant")),
    )
    .values(owner=sa.bindparam("claimant"), claimed_until=now() + sa.bindparam("seconds", type_=sa.Double)),
    counted=True,
)
FAIL = Statement(
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("row"))
    .values(
        reason=sa.bindparam("reason"),
        steps=sa.func.coalesce(sa.bindparam("steps", type_=sa.Text), messages.c.steps),
        calls=sa.bindparam("calls"),
        failures=sa.bindparam("failures"),
        owner=None,
        claimed_until=now(),
    )
)
NOTE = Statement(
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("row"))
    .values(reason=sa.bindparam("reason"), calls=sa.bindparam("calls"), failures=sa.bindparam("failures"))
)
RELEASE = Statement(
    sa.update(messages)
    .where(messages.c.state == sa.literal_column("'pending'"), messages.c.owner == sa.bindparam("claimant"))
    .values(owner=None, claimed_until=now())
)
RELEASE_ALL = Statement(
    sa.update(messages)
    .where(messages.c.state == sa.literal_column("'pending'"))
    .values(owner=None, claimed_until=now())
)


async def find(connection: Connection, uuids: Iterable[str]) -> dict[str, StoredMessage]:
    """Return the rows of these messages, by MessageUUID."""
    rows = await connection.fetch(FIND, {"uuids": sorted(set(uuids))})
    return {row[0]: StoredMessage.of(row) for row in rows}


async def insert(connection: Connection, new: Sequence[dict[str, Any]]) -> None:
    """Write new rows."""
    await connection.execute_many(INSERT, new)


async def begin(connection: Connection, found: dict[str, StoredMessage], new: Iterable[tuple[Arrival, str]]) -> None:
    """Give each message without a row a pending one, with a reason, and add it to `found`.

    Another process may do the same at this moment. They get one row together, without a deadlock.
    """
    inserts: dict[str, dict[str, Any]] = {}
    for arrival, reason in new:
        if arrival.message.message_uuid not in found:
            inserts.setdefault(arrival.message.message_uuid, pending(arrival, reason))
    if inserts:
        await connection.execute_many(INSERT_NEW, [inserts[uuid] for uuid in sorted(inserts)])
        found |= await find(connection, inserts)


async def answer(connection: Connection, changed: Sequence[dict[str, Any]]) -> None:
    """Write the answers of rows that were pending."""
    await connection.execute_many(ANSWER, changed)


async def note_calls(connection: Connection, called: Iterable[StoredMessage]) -> None:
    """Write the calls of messages that were answered before."""
    changed = [{"row": one.id, "calls": one.calls_json, "handed_over_at": one.handed_over_at} for one in called]
    await connection.execute_many(CALLED, changed)


def pending(arrival: Arrival, reason: str) -> dict[str, Any]:
    """Return the row of a message that is not answered yet."""
    return arrived(arrival) | _UNANSWERED | {"reason": reason}


def arrived(arrival: Arrival) -> dict[str, Any]:
    """Return what the row of a message has from its arrival on."""
    message, request, keep = arrival.message, arrival.request, arrival.keep_text
    return {
        "message_uuid": message.message_uuid,
        "received_at": arrival.called_at,
        "sender": message.sender,
        "person": message.person,
        "recipient": message.to,
        "type": message.type,
        "intent": message.intent,
        "text": message.text if keep else None,
        "units": message.units,
        "media": json.dumps(message.media) if keep and message.media else "[]",
        "signed_by": request.signed_by,
        "token": request.token,
        "failures": 0,
        "calls": None,
        "route": arrival.route,
        "config": arrival.config,
    }


_UNANSWERED = {
    "rule": None,
    "steps": NO_STEPS,
    "xml": b"",
    "parameters": None,
    "state": "pending",
    "counted": 0,
    "text_key": None,
    "reply_units": 0,
    "owner": None,
    "claimed_until": None,
    "answered_at": None,
    "handed_over_at": None,
}


def answered(submission: Submission, proposal: Proposal, *, handed_over: bool) -> dict[str, Any]:
    """Return what an answer changes in the row. `handed_over` says whether a call waits for it."""
    arrival, copy = submission.arrival, submission.copy
    at = max(submission.candidate.query.at, submission.ready_at)
    return {
        "route": arrival.route,
        "rule": proposal.rule,
        "reason": proposal.reason,
        "steps": proposal.steps,
        "xml": proposal.xml,
        "config": arrival.config,
        "parameters": json.dumps(copy.parameters) if copy and arrival.keep_text else None,
        "state": "answered",
        "counted": int(bool(proposal.messages)),
        "text_key": submission.candidate.text_key if proposal.messages else None,
        "reply_units": proposal.units,
        "owner": None,
        "claimed_until": None,
        "answered_at": at,
        "handed_over_at": at if handed_over else None,
    }
