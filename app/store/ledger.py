"""The ledger in rows: one a message, written once (laws 2, 3 and 10)."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.guards.ledger import Entry, Origin, Reused
from app.store import proofs
from app.store.database import insert_new
from app.store.reading import reading
from app.store.tables import messages
from app.store.writer import Writer


class StoredLedger:
    """`guards.ledger.Ledger` on a database."""

    def __init__(self, engine: AsyncEngine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer

    async def record(self, entry: Entry) -> bytes:
        """See `Ledger.record`."""
        return await self._writer.submit(record, entry)

    async def origin(self, message_uuid: str) -> Origin | None:
        """See `Ledger.origin`."""
        query = sa.select(messages.c.route, messages.c.rule).where(messages.c.message_uuid == message_uuid)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return Origin(row.route, row.rule) if row else None


def record(connection: sa.Connection, entries: Sequence[Entry]) -> list[bytes | Exception]:
    """The XML of whoever was first, for each entry."""
    refusals = proofs.bind(connection, [entry.proofs for entry in entries])
    rows: dict[str, Entry] = {}
    for entry, refused in zip(entries, refusals, strict=True):
        if not refused:
            rows.setdefault(entry.message_uuid, entry)
    answers = {uuid: entry.xml for uuid, entry in rows.items()}
    if rows:
        statement = insert_new(messages).returning(messages.c.message_uuid)
        fresh = set(connection.scalars(statement, [_row(entry) for entry in rows.values()]))
        if known := rows.keys() - fresh:
            stored = sa.select(messages.c.message_uuid, messages.c.xml).where(messages.c.message_uuid.in_(known))
            answers.update((row.message_uuid, row.xml) for row in connection.execute(stored))
    return [_result(entry, refused, answers) for entry, refused in zip(entries, refusals, strict=True)]


def _result(entry: Entry, refused: Reused | None, answers: dict[str, bytes]) -> bytes | Exception:
    return refused or answers[entry.message_uuid]


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "message_uuid": entry.message_uuid,
        "received_at": entry.received_at,
        "sender": entry.sender,
        "recipient": entry.to,
        "type": entry.type,
        "intent": entry.intent,
        "text": entry.text,
        "units": entry.units,
        "media": json.dumps(entry.media),
        "route": entry.route,
        "rule": entry.rule,
        "reason": entry.reason,
        "steps": json.dumps([asdict(step) for step in entry.steps]),
        "xml": entry.xml,
        "signed_by": entry.signed_by,
        "config": entry.config,
    }
