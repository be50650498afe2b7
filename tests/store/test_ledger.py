"""G3: one message, one answer, whoever asks and whenever. G2: no answer for a reused signature."""

import asyncio
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.stored import Clock, entry, opened, proof

from app.policies.ledger import Origin, Reused, Unavailable
from app.store import Store
from app.store.schema import messages


async def rows(store: Store) -> list[tuple[str, bytes]]:
    """What is remembered."""
    async with store.engine.connect() as connection:
        found = await connection.execute(sa.select(messages.c.message_uuid, messages.c.xml).order_by("message_uuid"))
        return [(row.message_uuid, row.xml) for row in found]


async def test_first_of_one_group_wins(store: Store) -> None:
    """Two answers to one message in one commit: both callers get the first, byte for byte."""
    recorded = (store.ledger.record(entry(xml=xml)) for xml in (b"<first/>", b"<second/>"))
    assert await asyncio.gather(*recorded) == [b"<first/>", b"<first/>"]
    assert await rows(store) == [("message-1", b"<first/>")]


async def test_first_of_all_groups_wins(store: Store) -> None:
    """A later group gets what an earlier one stored; new messages beside it get their own."""
    assert await store.ledger.record(entry(xml=b"<first/>")) == b"<first/>"
    again = (
        store.ledger.record(entry(message_uuid=uuid, xml=xml))
        for uuid, xml in (("message-1", b"<second/>"), ("message-2", b"<third/>"))
    )
    assert await asyncio.gather(*again) == [b"<first/>", b"<third/>"]


async def test_first_wins_after_reopening(path: Path, clock: Clock) -> None:
    """G3 holds across restarts."""
    async with opened(path, clock) as store:
        await store.ledger.record(entry(xml=b"<first/>"))
    async with opened(path, clock) as store:
        assert await store.ledger.record(entry(xml=b"<second/>")) == b"<first/>"


async def test_reused_signature_leaves_no_row(store: Store) -> None:
    """G2: other words under an old signature are refused, alone, and nothing of them is remembered."""
    await store.ledger.record(entry(proofs=(proof("k", "a"),)))
    forged = entry(message_uuid="message-2", proofs=(proof("k", "b"),))
    honest = entry(message_uuid="message-3", proofs=(proof("l", "c"),))
    results = await asyncio.gather(store.ledger.record(forged), store.ledger.record(honest), return_exceptions=True)
    assert isinstance(results[0], Reused)
    assert results[1] == b"<Response/>"
    assert [uuid for uuid, _ in await rows(store)] == ["message-1", "message-3"]


async def test_forged_entry_does_not_shadow_the_honest_one(store: Store) -> None:
    """A refused entry of the same MessageUUID in the same group takes no part in who is first."""
    await store.ledger.record(entry(proofs=(proof("k", "a"),)))
    forged = entry(message_uuid="message-2", xml=b"<forged/>", proofs=(proof("k", "b"),))
    honest = entry(message_uuid="message-2", xml=b"<honest/>", proofs=(proof("l", "c"),))
    results = await asyncio.gather(store.ledger.record(forged), store.ledger.record(honest), return_exceptions=True)
    assert isinstance(results[0], Reused)
    assert results[1] == b"<honest/>"


async def test_row_tells_everything(store: Store) -> None:
    """G10: the row tells what came, what was answered and why, who signed, which config."""
    await store.ledger.record(entry())
    async with store.engine.connect() as connection:
        row = (await connection.execute(sa.select(messages))).mappings().one()
    assert dict(row) | {"steps": json.loads(row["steps"]), "media": json.loads(row["media"])} == {
        "message_uuid": "message-1",
        "received_at": 1_772_442_000.0,
        "sender": "33700000001",
        "recipient": "33644600000",
        "type": "sms",
        "intent": "",
        "text": "hello",
        "units": 1,
        "media": ["https://media.example.com/1"],
        "route": "support",
        "rule": "ack",
        "reason": "rule ack",
        "steps": [
            {"rule": "menu", "verdict": "passes", "reason": "no keyword"},
            {"rule": "ack", "verdict": "answers", "reason": ""},
        ],
        "xml": b"<Response/>",
        "signed_by": "V3",
        "config": "c0ffee",
        "parameters": None,
    }


async def test_origin_tells_route_and_rule(store: Store) -> None:
    """A report finds the route and rule of the message that it answers; nobody invents one."""
    await store.ledger.record(entry())
    await store.ledger.record(entry(message_uuid="message-2", route=None, rule=None))
    assert await store.ledger.origin("message-1") == Origin("support", "ack")
    assert await store.ledger.origin("message-2") == Origin(None, None)
    assert await store.ledger.origin("message-3") is None


async def test_cancelled_reader_harms_nobody(store: Store) -> None:
    """A caller that goes away in the middle of a read gives its connection back."""
    await store.ledger.record(entry())
    for turns in range(12):
        reading = asyncio.create_task(store.ledger.origin("message-1"))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
    found = await asyncio.gather(*(store.ledger.origin("message-1") for _ in range(40)))
    assert found == [Origin("support", "ack")] * 40


@pytest.mark.usefixtures("path")  # says it in SQLite's words
async def test_store_that_cannot_be_read_is_unavailable(store: Store) -> None:
    """A read that fails is a 503, as a write is; Plivo comes again."""
    async with store.engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE messages"))
    with pytest.raises(Unavailable, match="the store cannot be read: no such table: messages"):
        await store.ledger.origin("message-1")
