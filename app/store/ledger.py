"""The ledger in rows: one a message, written once (G2, G3 and G10)."""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.policies.ledger import Answered, Case, Claimed, Held, Origin, Ruling, Wish
from app.store import message_copies as copies
from app.store import proofs
from app.store import usage as memory
from app.store.database import hold, insert_new, insert_or, now
from app.store.reading import reading
from app.store.schema import claims, messages, opt_outs
from app.store.usage import Remembered
from app.store.writer import Writer


class StoredLedger:
    """`guards.ledger.Ledger` on a database."""

    def __init__(self, engine: AsyncEngine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer

    async def record(self, case: Case) -> bytes:
        """See `Ledger.record`."""
        return await self._writer.submit(record, case)

    async def claim(self, wish: Wish) -> Answered | Held | Claimed:
        """See `Ledger.claim`."""
        return await self._writer.submit(claim, wish)

    async def fail(self, message_uuid: str) -> int:
        """See `Ledger.fail`."""
        return await self._writer.submit(fail, message_uuid)

    async def release(self, owner: str) -> None:
        """See `Ledger.release`."""
        await self._writer.submit(release, owner)

    async def origin(self, message_uuid: str) -> Origin | None:
        """See `Ledger.origin`. A caller that is cancelled leaves the connection to its read, which gives it back."""
        return await asyncio.shield(self._origin(message_uuid))

    async def _origin(self, message_uuid: str) -> Origin | None:
        query = sa.select(messages.c.route, messages.c.rule).where(messages.c.message_uuid == message_uuid)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return Origin(row.route, row.rule) if row else None


def record(connection: sa.Connection, cases: Sequence[Case]) -> list[bytes | Exception]:
    """The XML of whoever was first, for each case. Judged one by one, written as a set."""
    refusals = proofs.bind(connection, [case.proofs for case in cases])
    accepted: dict[str, Case] = {}
    for case, refused in zip(cases, refusals, strict=True):
        if not refused:
            accepted.setdefault(case.message_uuid, case)
    answers = _stored(connection, accepted.keys())
    new = [case for uuid, case in accepted.items() if uuid not in answers]  # a repeat weighs on nobody behind it
    hold(connection, _counted(new))
    remembered = Remembered(connection, [case.recall for case in new])
    rulings: dict[str, Ruling] = {}
    for case in new:
        rulings[case.message_uuid] = case.judge(remembered.memory(case.recall))
        remembered.note(case.recall, rulings[case.message_uuid])
    answers |= _insert(connection, accepted, rulings)
    if claimed := [uuid for uuid, case in accepted.items() if case.claimed]:
        connection.execute(sa.delete(claims).where(claims.c.message_uuid.in_(claimed)))
    return [refused or answers[case.message_uuid] for case, refused in zip(cases, refusals, strict=True)]


def _counted(cases: Sequence[Case]) -> Iterable[str]:
    """G8: people and fuses, which no two replicas may count at the same time."""
    for case in cases:
        yield " ".join(case.recall.pair)
        yield from (f"fuse {fuse.scope}" for fuse in case.recall.fuses)


def _insert(connection: sa.Connection, cases: Mapping[str, Case], rulings: Mapping[str, Ruling]) -> dict[str, bytes]:
    """New entries with what they use up; an entry that is there already stays, and uses up nothing more."""
    if not rulings:
        return {}
    statement = insert_new(messages).returning(messages.c.message_uuid)
    fresh = set(connection.scalars(statement, [_row(rulings[uuid]) for uuid in sorted(rulings)]))
    memory.write(connection, [(cases[uuid].recall, ruling) for uuid, ruling in rulings.items() if uuid in fresh])
    copies.put(connection, [rulings[uuid] for uuid in sorted(fresh)])
    return {uuid: rulings[uuid].entry.xml for uuid in fresh} | _stored(connection, rulings.keys() - fresh)


def _stored(connection: sa.Connection, uuids: Collection[str]) -> dict[str, bytes]:
    """What was answered; nothing any more (G9) if the person has opted out since."""
    if not uuids:
        return {}
    since = sa.and_(
        opt_outs.c.number == messages.c.recipient,
        opt_outs.c.person == messages.c.sender,
        opt_outs.c.ended_at.is_(None),
        opt_outs.c.at > messages.c.received_at,
    )
    query = (
        sa.select(messages.c.message_uuid, messages.c.xml, opt_outs.c.at.label("opted_out"))
        .join(opt_outs, since, isouter=True)
        .where(messages.c.message_uuid.in_(uuids))
    )
    return {row.message_uuid: row.xml if row.opted_out is None else b"" for row in connection.execute(query)}


def claim(connection: sa.Connection, wishes: Sequence[Wish]) -> list[Answered | Held | Claimed | Exception]:
    """One owner a message, until the claim is settled or has run out; its owner may claim it again."""
    refusals = proofs.bind(connection, [wish.proofs for wish in wishes])
    stored = _stored(connection, {wish.message_uuid for wish in wishes})
    remembered = Remembered(connection, [wish.recall for wish in wishes])
    return [
        refused or _claim(connection, wish, stored, remembered) for wish, refused in zip(wishes, refusals, strict=True)
    ]


def _claim(
    connection: sa.Connection, wish: Wish, stored: Mapping[str, bytes], remembered: Remembered
) -> Answered | Held | Claimed:
    if wish.message_uuid in stored:
        return Answered(stored[wish.message_uuid])
    row = {"message_uuid": wish.message_uuid, "owner": wish.owner, "failures": 0, "person": wish.recall.pair.person}
    free = (claims.c.until <= now()) | (claims.c.owner == wish.owner)
    taken = insert_or(claims, lambda new: {"owner": new.owner, "until": new.until}, free)
    got = connection.execute(taken.values(**row, until=now() + wish.seconds))
    return Claimed(remembered.memory(wish.recall)) if got.rowcount else Held()


def fail(connection: sa.Connection, uuids: Sequence[str]) -> list[int]:
    """Free again, and one more failure."""
    counts = []
    for uuid in uuids:
        row = {"message_uuid": uuid, "owner": "", "failures": 1, "person": ""}
        failed = insert_or(claims, lambda _new: {"until": now(), "failures": claims.c.failures + 1})
        counts.append(connection.scalars(failed.values(**row, until=now()).returning(claims.c.failures)).one())
    return counts


def release(connection: sa.Connection, owners: Sequence[str]) -> list[None]:
    """Free what these owners hold; "" stands for everybody, when a sole server starts."""
    for owner in owners:
        statement = sa.update(claims).values(until=now())
        connection.execute(statement.where(claims.c.owner == owner) if owner else statement)
    return [None] * len(owners)


def _row(ruling: Ruling) -> dict[str, Any]:
    entry, copy = ruling.entry, ruling.copy
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
        "parameters": json.dumps(copy.parameters) if copy else None,
    }
