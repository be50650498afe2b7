"""Copies of messages: stored with the answer, leased like reports, and no longer kept than their words."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import DAY, HELLO, KEPT, NINE, Clock, arrival, incoming, submission, swept

from app.delivery.queue import Copy, Delivery
from app.replies.journal import MessageCopy, Submission
from app.settings import StoreSettings
from app.store import Store
from app.store.queries import history, list_deliveries
from app.store.schema import deliveries, messages, reports
from app.store.selection import Selection

FIELDS = (("MessageUUID", "message-1"), ("Text", "hello"))


def copied(
    number: int = 1,
    *,
    targets: tuple[str, ...] = ("crm",),
    full: frozenset[str] = frozenset(),
    keep_text: bool = True,
) -> Submission:
    """A message whose answer is copied to these targets."""
    copy = MessageCopy(f"copy-{number}", targets, full, FIELDS)
    return submission(arrival(f"message-{number}", keep_text=keep_text), copy=copy)


async def lease(store: Store, count: int = 10) -> list[Delivery]:
    """What is due for crm."""
    return list(await store.queue.lease("crm", count, 30))


async def rows(store: Store, table: sa.Table) -> list[dict[str, Any]]:
    """A table."""
    async with store.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]


async def test_copy_is_leased_with_all_that_was_said(store: Store) -> None:
    """G6: the message, the answer and why, and every field as Plivo sent it."""
    await store.journal.record(copied(targets=("crm", "audit")))
    (delivery,) = await lease(store)
    assert (delivery.attempt, delivery.stale) == (1, False)
    assert delivery.content == Copy(
        "copy-1", NINE, "message-1", "33700000001", "33644600000", "support", "ack", "sms", "", "hello", 1,
        ("https://m.example/1",), "fixed text", HELLO.xml, FIELDS,
    )  # fmt: skip
    assert len(await store.queue.lease("audit", 10, 30)) == 1


async def test_repeat_makes_no_second_copy(store: Store) -> None:
    """G3, 6: whoever comes second, in the same group or later, changes nothing."""
    await asyncio.gather(*(store.journal.record(copied()) for _ in range(5)))
    await store.journal.record(copied())
    assert len(await lease(store)) == len(await rows(store, reports)) == 1


async def test_message_without_copy_keeps_no_fields(store: Store) -> None:
    """G12: what nobody asked for is not stored."""
    await store.journal.record(replace(copied(), copy=None))
    assert not await lease(store)
    assert not await rows(store, reports)
    assert [row["parameters"] for row in await rows(store, messages)] == [None]


async def test_copy_of_words_that_are_not_kept(store: Store) -> None:
    """G12: with `keep_text` of no time a copy tells who wrote and what was decided, and no words."""
    await store.journal.record(copied(keep_text=False))
    (delivery,) = await lease(store)
    assert isinstance(delivery.content, Copy)
    assert (delivery.content.text, delivery.content.media, delivery.content.parameters) == (None, (), ())


async def test_copy_for_a_full_target_is_dead_at_once(store: Store) -> None:
    """G7: the other target gets its own; an operator finds the dead one, and why."""
    await store.journal.record(copied(targets=("crm", "audit"), full=frozenset({"audit"})))
    await store.queue.accept(incoming(1, "crm", "audit", full={"audit"}))
    dead = await list_deliveries(store.engine, Selection(states=("dead",)), 10)
    assert [(row.target, row.report_status) for row in dead] == [("audit", "delivered"), ("audit", "received")]
    assert {row.error for row in dead} == {"the queue of this target was full (max_due)"}
    assert all(row.settled_at == NINE for row in dead)
    assert len(await lease(store)) == 2
    assert await store.queue.waiting() == {"crm": 2}


async def test_words_of_a_copy_go_with_keep_text(store: Store, clock: Clock) -> None:
    """G12: what is still due then dies loudly; replayed, it tells what is left."""
    await store.journal.record(copied())
    await store.queue.accept(incoming(1))
    clock.advance(KEPT.keep_text + 1)
    assert (await swept(store, KEPT)).given_up == 1
    (message,) = await rows(store, messages)
    assert (message["text"], message["media"], message["parameters"]) == (None, "[]", None)
    (report,) = await lease(store)
    assert not isinstance(report.content, Copy)
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(deliveries).values(state="due"))
    (copy,) = (one.content for one in await lease(store) if isinstance(one.content, Copy))
    assert (copy.text, copy.media, copy.parameters, copy.reason) == (None, (), (), "fixed text")


async def test_copy_of_a_message_that_is_gone(store: Store, clock: Clock) -> None:
    """What died of old age is kept as long again; its message is not, and the copy says what it knows itself."""
    await store.journal.record(copied())
    keep = StoreSettings(keep=2 * DAY, keep_text=2 * DAY)
    clock.advance(2 * DAY + 1)
    await swept(store, keep)
    assert await rows(store, messages) == []
    async with store.engine.begin() as connection:
        await connection.execute(sa.update(deliveries).values(state="due"))
    (delivery,) = await lease(store)
    assert delivery.content == Copy("copy-1", NINE, "message-1", "33700000001", "33644600000", "support", "ack")
    await store.journal.record(copied())  # Plivo's or somebody's repeat, a month late: answered anew, copied once
    assert len(await rows(store, reports)) == 1


async def test_history_shows_the_copy_with_its_message(store: Store) -> None:
    """Where the copy of a message went stands by the message, not among the reports."""
    await store.journal.record(copied())
    await store.queue.accept(incoming(1))
    found, others = await history(store.engine, "message-1", 10)
    ((message,), orphans) = found, others
    assert [(one.target, one.state) for one in message.deliveries] == [("crm", "due")]
    assert [one.id for one in message.reports] == ["report-1"]
    assert orphans == []


@pytest.mark.usefixtures("path")  # asks SQLite for its plan
async def test_no_statement_of_a_lane_grows_with_what_is_done(store: Store) -> None:
    """G7: leases, counts and sweeps look at what is open, by index; a million that are done cost nothing."""
    plans: list[str] = []
    async with store.engine.connect() as connection:
        for query in (
            "SELECT id FROM deliveries WHERE target = ? AND state = 'due' AND due_at <= 1 ORDER BY due_at, id LIMIT 9",
            "SELECT id FROM deliveries WHERE state = 'due' AND created_at < 1",
            "SELECT id FROM deliveries WHERE target = ? AND state = 'dead' AND id > 5 ORDER BY id",
            "SELECT target, count(*) FROM deliveries WHERE state = 'due' GROUP BY target",
        ):
            told = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("crm",) * query.count("?"))
            plans.append("; ".join(str(row.detail) for row in told))
    assert [next(name for name in ("due", "age", "dead") if f"ix_deliveries_{name}" in plan) for plan in plans] == [
        "due", "age", "dead", "due",
    ]  # fmt: skip
    assert not any("TEMP B-TREE" in plan for plan in plans)
