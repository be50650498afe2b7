"""What a backtest reads: messages in batches, and the opt-outs that no kept message explains."""

import json

import pytest
import sqlalchemy as sa
from support.stored import CUSTOMER, NINE, PAIR, US, entry, opted, used

from app.policies.usage import Conversation
from app.store import Store, replaying
from app.store.people import Changes, change
from app.store.replaying import (
    answers_before,
    first_change,
    opt_outs_before,
    read_messages,
    rows_since,
    unexplained_changes,
)
from app.store.schema import messages

OTHER, THIRD = Conversation(US, "33700000002"), Conversation(US, "33700000003")


async def fill(store: Store) -> None:
    """Five messages, ten seconds apart; with the third the customer opts out, with the fourth somebody else."""
    for number in range(1, 6):
        at, pair = NINE + 10 * number, OTHER if number == 4 else PAIR
        out = opted(out=True, at=at, pair=pair, message_uuid=f"message-{number}") if number in (3, 4) else None
        await store.journal.record(used(number, at=at, pair=pair, cooldowns=(), change=out))


@pytest.mark.parametrize("batch", [1, 2, 100])
async def test_messages_come_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Each message of the range once, in order of arrival, and never more than a batch at a time."""
    monkeypatch.setattr(replaying, "BATCH", batch)
    await fill(store)
    rows = await rows_since(store.engine, NINE + 15)
    found = [part async for part in read_messages(store.engine, rows)]
    assert [one.message_uuid for part in found for one in part] == [f"message-{number}" for number in range(2, 6)]
    assert max(map(len, found)) <= batch
    (first, *_) = found[0]
    assert (first.sender, first.recipient, first.at, first.reply_units) == (CUSTOMER, US, NINE + 20, 2)


@pytest.mark.parametrize(("since", "count"), [(None, 5), (NINE, 5), (NINE + 45, 1), (NINE + 99, 0)])
async def test_rows_since_a_time(store: Store, since: float | None, count: int) -> None:
    """From the first message after the time on; without a time, all."""
    await fill(store)
    rows = await rows_since(store.engine, since)
    assert sum([len(part) async for part in read_messages(store.engine, rows)]) == count
    assert rows.at == {5: NINE + 10, 1: NINE + 50}.get(count)


async def test_an_empty_store_has_no_rows(store: Store) -> None:
    """No message, no batch."""
    assert [part async for part in read_messages(store.engine, await rows_since(store.engine, None))] == []


async def test_when_a_message_was_answered(store: Store) -> None:
    """Rules are asked at the call before the answer was ready, which may be a later one than the first."""
    await store.journal.record(entry())
    calls = [{"at": NINE + after, "status": 503, "reason": "busy"} for after in (0, 60, 180)]
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(messages).values(answered_at=NINE + 70, calls=json.dumps(calls)))
    ((one,),) = [part async for part in read_messages(store.engine, await rows_since(store.engine, None))]
    assert (one.received_at, one.at) == (NINE, NINE + 60)


async def test_answers_of_a_person_before_a_row(store: Store) -> None:
    """The newest come first; other people's and erased ones are left out."""
    await fill(store)
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == 1).values(xml=b""))
    found = await answers_before(store.engine, CUSTOMER, 5, 10)
    assert [id_ for id_, _ in found] == [3, 2]
    assert b"Answer 3." in found[0][1]
    assert len(await answers_before(store.engine, CUSTOMER, 5, 1)) == 1
    assert len(await answers_before(store.engine, CUSTOMER, 3, 10)) == 1


async def test_opt_outs_before_a_row(store: Store) -> None:
    """Of these people, oldest first, and only what was there before."""
    await fill(store)
    first = await first_change(store.engine, NINE + 35)
    assert [
        (pair, state.opted_out, state.message_uuid)
        for pair, state in await opt_outs_before(store.engine, [CUSTOMER], first)
    ] == [(PAIR, True, "message-3")]
    assert await opt_outs_before(store.engine, [OTHER.person], first) == []
    people, beyond = [OTHER.person, CUSTOMER], await first_change(store.engine, NINE + 99)
    assert [pair for pair, _ in await opt_outs_before(store.engine, people, beyond)] == [PAIR, OTHER]


@pytest.mark.parametrize("batch", [1, 100])
async def test_changes_that_messages_do_not_explain(store: Store, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """Those by command, and those of messages whose text or row is gone; one that is dated back, when it was made."""
    monkeypatch.setattr(replaying, "BATCH", batch)
    await fill(store)
    old = opted(out=True, at=NINE - 1000, pair=THIRD, message_uuid=None, source="command")
    await store.change(change, Changes("anna", (old,)))
    assert [found async for found in unexplained_changes(store.engine, 1)] == [(NINE + 40, old)]
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == 3).values(text=None))
        await connection.execute(sa.delete(messages).where(messages.c.id == 4))
    found = [(at, one.message_uuid) async for at, one in unexplained_changes(store.engine, 1)]
    assert found == [(NINE + 30, "message-3"), (NINE + 40, "message-4"), (NINE + 40, None)]
