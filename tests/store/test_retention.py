"""What is kept, and until when."""

import asyncio
import io
import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.stored import (
    CUSTOMER,
    DAY,
    HELLO,
    KEPT,
    SILENCE,
    Clock,
    arrival,
    claim,
    entry,
    incoming,
    opted,
    proof,
    stored_at,
    swept,
    used,
)

from app import telemetry
from app.delivery.queue import Settlement
from app.replies.journal import Recorded, Reused
from app.settings import StoreSettings
from app.store import Store, open_store, retention
from app.store.errors import StoreError
from app.store.queries import history
from app.store.usage import SLOT


async def sweep(store: Store, keep: StoreSettings = KEPT) -> bool:
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
    await store.journal.record(entry(proofs=(proof("k", "a"),)))
    await store.queue.accept(incoming())
    (delivery,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(delivery.id, delivery.lease, "done", 1))
    clock.advance(30 * DAY - 1)
    await sweep(store)
    assert counts(path) == [1, 1, 1, 1]
    clock.advance(2)
    await sweep(store)
    assert counts(path) == [0, 0, 0, 0]


@pytest.mark.parametrize("state", ["dead", "dropped"])
async def test_what_ended_goes_with_keep(store: Store, path: Path, clock: Clock, state: Any) -> None:
    """G6: a dead delivery is visible until `keep` ends, counted from its death; then its report goes."""
    await store.queue.accept(incoming(1, "crm"))
    clock.advance(20 * DAY)
    (delivery,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(delivery.id, delivery.lease, state, 1))
    clock.advance(30 * DAY)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM reports") == [(1,)]
    clock.advance(1)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM reports") == [(0,)]


async def test_what_nobody_took_dies_loudly(store: Store, path: Path, clock: Clock) -> None:
    """G6: a delivery that is still due at the end of `keep` is dead then, told, and kept as long again."""
    await store.queue.accept(incoming(1, "crm"))
    clock.advance(30 * DAY + 1)
    assert (await swept(store, KEPT)).given_up == 1
    assert select(path, "SELECT state, error FROM deliveries") == [
        ("dead", "no target accepted it within [store] keep or keep_text")
    ]
    assert await store.queue.lease("crm", 1, 30) == []
    clock.advance(30 * DAY)
    assert (await swept(store, KEPT)).given_up == 0
    assert select(path, "SELECT count(*) FROM reports") == [(1,)]
    clock.advance(1)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM reports") == [(0,)]


@pytest.mark.parametrize(
    ("text", "after", "left"),
    [
        pytest.param(14 * DAY, 14 * DAY - 1, ("hello", HELLO.xml), id="not yet"),
        pytest.param(14 * DAY, 14 * DAY + 1, (None, b""), id="both after keep_text"),
        pytest.param(3600.0, 3601.0, (None, HELLO.xml), id="the text alone within the day of G3"),
        pytest.param(3600.0, DAY - 1, (None, HELLO.xml), id="the answer for the whole day"),
        pytest.param(3600.0, DAY + 1, (None, b""), id="then the answer too"),
        pytest.param(0.0, 1.0, (None, HELLO.xml), id="keep_text = 0d"),
    ],
)
async def test_text_goes_after_keep_text(
    store: Store, path: Path, clock: Clock, text: float, after: float, left: tuple[str | None, bytes]
) -> None:
    """A text is kept for `keep_text`; the answer, which repeats get, at least a day (G3)."""
    await store.journal.record(entry())
    clock.advance(after)
    await sweep(store, StoreSettings(keep_text=text))
    assert select(path, "SELECT text, xml FROM messages") == [left]


@pytest.mark.parametrize(("after", "left"), [(14 * DAY - 1, "you are Ann"), (14 * DAY + 1, None)])
async def test_what_a_receiver_answered_goes_after_keep_text(
    store: Store, path: Path, clock: Clock, after: float, left: str | None
) -> None:
    """It may repeat the text; the attempt itself stays."""
    await _attempt(store)
    clock.advance(after)
    await sweep(store)
    assert select(path, "SELECT status, response FROM tries") == [(500, left)]


async def test_attempts_after_all_others_are_gone_are_swept_too(store: Store, path: Path, clock: Clock) -> None:
    """A sweep remembers how far it came, so the id of an attempt that was erased is never used again."""
    await _attempt(store, "dead")
    clock.advance(15 * DAY)
    await sweep(store)
    clock.advance(60 * DAY)
    await sweep(store)
    assert select(path, "SELECT count(*) FROM tries") == [(0,)]
    await _attempt(store)
    clock.advance(15 * DAY)
    await sweep(store)
    assert select(path, "SELECT response FROM tries") == [(None,)]


async def test_without_texts_no_answer_of_a_receiver_is_kept(path: Path, clock: Clock) -> None:
    """keep_text = "0d": it is not written at all."""
    async with open_store(stored_at(path, keep_text=0.0), serving=True, clock=clock) as store:
        await _attempt(store)
    assert select(path, "SELECT status, response FROM tries") == [(500, None)]


async def _attempt(store: Store, state: Any = "due") -> None:
    async with store.engine.connect() as connection:
        now = (await connection.exec_driver_sql("SELECT autoreply_now()")).scalar_one()
    await store.queue.accept(incoming(at=now))
    (leased,) = await store.queue.lease("crm", 1, 30)
    said: dict[str, Any] = {"status": 500, "error": "status 500", "seconds": 0.1, "response": "you are Ann"}
    await store.queue.settle(Settlement(leased.id, leased.lease, state, 1, **said))


async def test_answer_and_proof_hold_for_a_day(store: Store, clock: Clock) -> None:
    """G2 and G3: a day later a repeat gets the same XML, and a reused signature is refused."""
    await store.journal.record(entry(proofs=(proof("k", "a"),)))
    clock.advance(DAY - 1)
    await sweep(store, StoreSettings(keep=DAY, keep_text=0.0))
    assert await store.journal.record(entry("message-1", SILENCE)) == Recorded(HELLO.xml)
    with pytest.raises(Reused):
        await store.journal.record(entry("message-2", proofs=(proof("k", "b"),)))


async def test_one_sweep_is_one_batch_of_everything(store: Store, path: Path, clock: Clock) -> None:
    """The writer is held for one batch of each kind; many old messages do not keep a report alive."""
    old = retention.BATCH + 10
    long_ago, lately = clock.now - 31 * DAY, clock.now - 15 * DAY
    await asyncio.gather(*(store.journal.record(entry(f"old-{number}", at=long_ago)) for number in range(old)))
    await store.journal.record(entry("younger", at=lately))
    await store.queue.accept(incoming(1, "crm", at=long_ago))
    (delivery,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(delivery.id, delivery.lease, "done", 1))
    assert await sweep(store) is True
    assert 10 <= counts(path)[0] - 1 < old
    assert select(path, "SELECT count(*) FROM reports") == [(0,)]
    assert await sweep(store) is False
    assert select(path, "SELECT message_uuid, text FROM messages") == [("younger", None)]


async def test_a_sweep_looks_at_no_row_twice(store: Store, path: Path, clock: Clock) -> None:
    """What was swept before is behind the mark: a text that stands there stays, and the next message is swept."""
    await store.journal.record(entry("first"))
    clock.advance(15 * DAY)
    await sweep(store)
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE messages SET text = 'looked at again?'")
    await store.journal.record(entry("second", at=clock.now))
    clock.advance(14 * DAY + 1)
    await sweep(store)
    texts = select(path, "SELECT message_uuid, text FROM messages ORDER BY id")
    assert texts == [("first", "looked at again?"), ("second", None)]


async def test_rows_after_an_empty_table_are_swept_too(store: Store, path: Path, clock: Clock) -> None:
    """Ids are never used twice, or a new row would lie behind the mark and be kept for ever."""
    for number in range(1, 4):
        await store.journal.record(entry(f"message-{number}", proofs=(proof(f"k{number}", "a"),), at=clock.now))
        clock.advance(31 * DAY)
        await sweep(store)
        assert counts(path)[:2] == [0, 0]


async def test_pending_message_goes_too(store: Store, path: Path, clock: Clock) -> None:
    """One whose rules never came to an end is kept no longer than others."""
    await store.journal.claim(claim(arrival()))
    clock.advance(14 * DAY + 1)
    await sweep(store)
    assert select(path, "SELECT state, text FROM messages") == [("pending", None)]
    clock.advance(16 * DAY)
    await sweep(store)
    assert counts(path)[0] == 0


async def test_what_vouches_for_an_opt_out_stays(store: Store, path: Path, clock: Clock) -> None:
    """G2, G9: the opt-out outlives every sweep, and a signature that made it cannot be used for other content."""
    stop = replace(HELLO, change=opted(out=True))
    await store.journal.record(entry("stop", stop, proofs=(proof("stop", "a"),)))
    await store.journal.record(entry("other", proofs=(proof("other", "a"),)))
    clock.advance(1000 * DAY)
    await sweep(store)
    assert counts(path)[:2] == [0, 1]
    assert select(path, "SELECT count(*) FROM opt_outs") == [(1,)]
    with pytest.raises(Reused):
        await store.journal.record(entry("forged", proofs=(proof("stop", "b"),)))


async def test_cooldowns_and_spending_go_with_keep(store: Store, path: Path, clock: Clock) -> None:
    """They are kept as long as the longest window can look back."""
    await store.journal.record(used(1))
    clock.advance(30 * DAY)
    await sweep(store)
    tables = [select(path, f"SELECT count(*) FROM {table}")[0][0] for table in ("cooldowns", "spending")]  # noqa: S608
    assert tables == [1, 1]
    clock.advance(SLOT + 1)
    await sweep(store)
    tables = [select(path, f"SELECT count(*) FROM {table}")[0][0] for table in ("cooldowns", "spending")]  # noqa: S608
    assert tables == [0, 0]


async def test_one_sweep_on_every_engine(store: Store, clock: Clock) -> None:
    """The statements mean the same on each: afterwards nothing of a past month is known."""
    await store.journal.record(used(1))
    await store.queue.accept(incoming())
    (delivery,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(delivery.id, delivery.lease, "done", 1))
    clock.advance(31 * DAY)
    assert await sweep(store) is False
    assert await history(store.engine, CUSTOMER, 10) == ([], [])
    assert await history(store.engine, "message-1", 10) == ([], [])


async def test_round_that_fails_is_logged_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """G12: a `keep` that silently stopped would be a promise broken; and nobody's write is in that transaction."""
    stream = io.StringIO()
    telemetry.configure("json", "info", "last4", stream)
    monkeypatch.setattr("app.store.retention.START", 0.0)
    monkeypatch.setattr("app.store.retention.INTERVAL", 0.0)
    rounds: list[object] = []
    enough = asyncio.Event()

    async def transact(work: object) -> retention.Swept:
        rounds.append(work)
        if len(rounds) == 3:
            enough.set()
        if len(rounds) == 1:
            raise StoreError("the disk is full", at_fault=True)
        return retention.Swept(more=False, given_up=3)

    sweeping = asyncio.create_task(retention.run(transact, KEPT))
    async with asyncio.timeout(5):
        await enough.wait()
    sweeping.cancel()
    first, second, *_ = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["reason"]) == ("retention sweep failed", "the disk is full")
    assert (second["event"], second["deliveries"], second["reason"]) == ("deliveries given up", 3, retention.TOO_OLD)
