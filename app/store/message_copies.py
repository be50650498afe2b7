"""Copies of messages for targets with `send = ["messages"]`: stored with the answer, in its transaction (G6).

A copy is a parcel as a report is, but its words stay in `messages` alone, where `keep_text` and `forget` reach them.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from app.delivery.queue import Copy
from app.policies.ledger import CopyTo, Entry, Ruling
from app.store.database import insert_new
from app.store.enqueue import Address, address
from app.store.schema import messages, reports


def put(connection: sa.Connection, rulings: Iterable[Ruling]) -> None:
    """Of messages that are new; one that came back after `keep` has a copy already."""
    wanted = {ruling.copy.id: (ruling.entry, ruling.copy) for ruling in rulings if ruling.copy}
    if wanted:
        statement = insert_new(reports).returning(reports.c.id)
        fresh = connection.scalars(statement, [_row(entry, copy) for entry, copy in wanted.values()])
        new = [wanted[identifier][1] for identifier in fresh]
        address(connection, [Address(copy.id, 0, copy.targets, copy.full) for copy in new])


def messages_of(connection: sa.Connection, uuids: Collection[str]) -> dict[str, Any]:
    """What the ledger holds of them, by MessageUUID."""
    if not uuids:
        return {}
    query = sa.select(messages).where(messages.c.message_uuid.in_(uuids))
    return {row.message_uuid: row for row in connection.execute(query)}


def copy(parcel: Any, message: Any | None) -> Copy:
    """The copy that a row of `reports` stands for; of a message whose row is gone, what the parcel tells itself."""
    known = Copy(
        parcel.id, parcel.received_at, parcel.message_uuid, parcel.sender, parcel.recipient, parcel.route, parcel.rule
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


def _row(entry: Entry, copy: CopyTo) -> dict[str, Any]:
    return {
        "id": copy.id,
        "kind": "message",
        "received_at": entry.received_at,
        "message_uuid": entry.message_uuid,
        "in_reply_to": None,
        "status": "received",
        "sequence": None,
        "error_code": "",
        "units": entry.units,
        "sender": entry.sender,
        "recipient": entry.to,
        "route": entry.route,
        "rule": entry.rule,
        "signed_by": entry.signed_by,
        "parameters": "[]",
    }
