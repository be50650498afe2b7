"""What is kept, and until when."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import DAY, Clock, entry, parcel, proof, swept

from app.delivery.queue import Settlement
from app.policies.ledger import Reused
from app.store import Keep, Store, ledger, retention

KEEP = Keep(rows=30 * DAY, text=14 * DAY)


async def sweep(store: Store, keep: Keep = KEEP) -> bool:
    """One batch; whether there may be more."""
    return (await swept(store, keep)).more


def select(path: Path, query: str) -> list[Any]:
    """Rows as they are in the file."""
    other = sqlite3.connect(path)
    try:
        return other.execute(query).fetchall()
    finally:
        other.close()


def counts(path: Path) -> list[int]:
    """How many messages, proofs, reports and deliveries there are."""
    tables = ("messages", "proofs", "reports", "deliveries")
    return [len(select(path, f"SELECT 1 FROM {table}")) for table in tables]  # noqa: S608 - names from this line


async def test_rows_go_after_keep(store: Store, path: Path, clock: Clock) -> None:
    """Messages, reports with their deliveries, and proofs are kept for `keep`, not longer."""
    await store.ledger.record(entry(proofs=(proof("k", "a"),)))
    await store.outbox.put(parcel())
    (delivery,) = await store.outbox.lease("crm", 1, 30)
    await store.outbox.settle(Settlement(delivery.id, delivery.lease, "done", 1))
    clock.advance(30 * DAY)
    await sweep(store)
    assert counts(path) == [1, 1, 1, 1]
    clock.advance(1)
    await sweep(store)
    assert counts(path) == [0, 0, 0, 0]


@pytest.mark.parametrize("state", ["dead", "dropped"])
async def test_what_ended_goes_with_keep(store: Store, path: Path, clock: Clock, state: Any) -> None:
    """G6: a dead delivery is visible until `keep` ends, counted from its death; then its report goes."""
    await store.outbox.put(parcel(1, "crm"))
    clock.advance(20 * DAY)
    (delivery,) = await store.outbox.lease("crm", 1, 30)
    await store.outbox.settle(Settlement(delivery.id, delivery.lease, state, 1))
    clock.advance(30 * DAY)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM reports") == [(1,)]
    clock.advance(1)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM reports") == [(0,)]


async def test_what_nobody_took_dies_loudly(store: Store, path: Path, clock: Clock) -> None:
    """G6: a delivery that is still due at the end of `keep` is dead then, told, and kept as long again."""
    await store.outbox.put(parcel(1, "crm"))
    clock.advance(30 * DAY + 1)
    assert (await swept(store, KEEP)).given_up == 1
    assert select(path, "SELECT state, error FROM deliveries") == [
        ("dead", "no target took it within [store] keep, or keep_text")
    ]
    assert await store.outbox.lease("crm", 1, 30) == []
    clock.advance(30 * DAY)
    assert (await swept(store, KEEP)).given_up == 0
    assert select(path, "SELECT count(*) FROM reports") == [(1,)]
    clock.advance(1)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM reports") == [(0,)]


@pytest.mark.parametrize(
    ("text", "after", "left"),
    [
        pytest.param(14 * DAY, 14 * DAY, ("hello", b"<Response/>"), id="not yet"),
        pytest.param(14 * DAY, 14 * DAY + 1, (None, b""), id="both after keep_text"),
        pytest.param(3600.0, 3601.0, (None, b"<Response/>"), id="the text alone within the day of G3"),
        pytest.param(3600.0, DAY, (None, b"<Response/>"), id="the answer for the whole day"),
        pytest.param(3600.0, DAY + 1, (None, b""), id="then the answer too"),
        pytest.param(0.0, 1.0, (None, b"<Response/>"), id="keep_text = 0d"),
    ],
)
async def test_text_goes_after_keep_text(
    store: Store, path: Path, clock: Clock, text: float, after: float, left: tuple[str | None, bytes]
) -> None:
    """A text is kept for `keep_text`; the answer, which repeats get, at least a day (G3)."""
    await store.ledger.record(entry())
    clock.advance(after)
    await sweep(store, Keep(30 * DAY, text))
    assert select(path, "SELECT text, xml FROM messages") == [left]


async def test_answer_and_proof_hold_for_a_day(store: Store, clock: Clock) -> None:
    """G2 and G3: a day later a repeat gets the same XML, and a reused signature is refused."""
    await store.ledger.record(entry(xml=b"<first/>", proofs=(proof("k", "a"),)))
    clock.advance(DAY)
    await sweep(store, Keep(DAY, 0.0))
    assert await store.ledger.record(entry(xml=b"<second/>")) == b"<first/>"
    with pytest.raises(Reused):
        await store.ledger.record(entry(message_uuid="message-2", proofs=(proof("k", "b"),)))


async def test_one_sweep_is_one_batch_of_everything(store: Store, path: Path, clock: Clock) -> None:
    """The writer is held for one batch of each kind; many old messages do not keep a text or a report alive."""
    old = retention.BATCH + 1
    async with store.engine.begin() as connection:
        await connection.run_sync(_record, old)
    await store.outbox.put(parcel(1, "crm", at=clock.now - 31 * DAY))
    (delivery,) = await store.outbox.lease("crm", 1, 30)
    await store.outbox.settle(Settlement(delivery.id, delivery.lease, "done", 1))
    await store.ledger.record(entry(message_uuid="younger", received_at=clock.now - 15 * DAY))
    assert await sweep(store) is True
    assert select(path, "SELECT count(*) FROM messages WHERE message_uuid != 'younger'") == [(1,)]
    assert select(path, "SELECT count(*) FROM reports") == [(0,)]
    assert await sweep(store) is False
    assert select(path, "SELECT message_uuid, text FROM messages") == [("younger", None)]


def _record(connection: Any, count: int) -> None:
    ledger.record(connection, [entry(message_uuid=f"old-{number}", received_at=0.0) for number in range(count)])


async def test_a_round_that_fails_is_told_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """G12: a `keep` that silently stopped would be a promise broken; and nobody's write is in that transaction."""
    monkeypatch.setattr("app.store.retention.START", 0.0)
    monkeypatch.setattr("app.store.retention.INTERVAL", 0.0)
    rounds: list[object] = []
    enough = asyncio.Event()

    async def transact(work: object) -> retention.Swept:
        rounds.append(work)
        if len(rounds) == 3:
            enough.set()
        if len(rounds) == 1:
            raise sa.exc.OperationalError("DELETE", {}, Exception("disk I/O error"))
        return retention.Swept(more=False, given_up=3)

    sweeping = asyncio.create_task(retention.run(transact, KEEP))
    async with asyncio.timeout(5):
        await enough.wait()
    sweeping.cancel()
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "nothing could be tidied up: disk I/O error"
    assert said[1].startswith("3 deliveries are given up: no target took it within")
