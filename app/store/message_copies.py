"""Copies of messages for targets with `send = ["messages"]`, stored in the transaction of the answer (G6).

A copy is delivered like a report. Its text is only in `messages`, where `keep_text` and `forget` reach it.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from app.delivery.queue import Copy
from app.replies.journal import Submission
from app.replies.proposals import Proposal
from app.store.database import insert_new
from app.store.driver import Connection
from app.store.enqueue import Enqueued, enqueue
from app.store.schema import messages, reports
from app.store.statement import Statement, one_of, values_of

_INSERT = Statement(insert_new(reports).values(values_of(reports)), counted=True)
_MESSAGES = Statement(sa.select(messages).where(one_of(messages.c.message_uuid, "uuids")))


async def put(connection: Connection, copied: Sequence[tuple[Submission, Proposal]]) -> None:
    """Queue the copies of new messages. A message that comes again after `keep` has a copy already."""
    for submission, proposal in copied:
        copy = submission.copy
        if copy and await connection.execute_many(_INSERT, [_row(submission, proposal)]):
            await enqueue(connection, [Enqueued(copy.id, 0, copy.targets, copy.full)])


async def messages_of(connection: Connection, uuids: Collection[str]) -> dict[str, Any]:
    """Return the rows of these messages, by MessageUUID."""
    if not uuids:
        return {}
    rows = [_MESSAGES.named(row) for row in await connection.fetch(_MESSAGES, {"uuids": sorted(uuids)})]
    return {row.message_uuid: row for row in rows}


def copy(content: Any, message: Any | None) -> Copy:
    """Return the copy that a row of `reports` is about. If the message is erased, it has only the row's own columns."""
    known = Copy(
        content.id,
        content.received_at,
        content.message_uuid,
        content.sender,
        content.recipient,
        content.route,
        content.rule,
    )
    if message is None:
        return known
    return replace(
        known,
        type=message.type,
        intent=message.intent,
        text=message.text,
        units=message.units,
        media=tuple(json.loads(message.media)),
        reason=message.reason,
        xml=message.xml,
        parameters=tuple((name, value) for name, value in json.loads(message.parameters or "[]")),
    )


def _row(submission: Submission, proposal: Proposal) -> dict[str, Any]:
    arrival, message = submission.arrival, submission.arrival.message
    return {
        "id": submission.copy.id if submission.copy else "",
        "kind": "message",
        "received_at": submission.candidate.query.at,
        "message_uuid": message.message_uuid,
        "in_reply_to": None,
        "status": "received",
        "sequence": None,
        "error_code": "",
        "units": message.units,
        "sender": message.sender,
        "recipient": message.to,
        "person": message.person,
        "route": arrival.route,
        "rule": proposal.rule,
        "signed_by": arrival.request.signed_by,
        "parameters": "[]",
    }
