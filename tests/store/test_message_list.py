"""Pages of messages: what each filter selects, and how far a page looks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.stored import HELLO, NINE, SILENCE, arrival, claim, entry, incoming, submission

from app.policies.usage import Conversation
from app.replies.journal import FailedCall
from app.store import Store, message_list
from app.store.message_list import MessageOutcome, StoredFilter, find_message, list_messages
from app.store.records import Span

SHOP, BAR, ANN, BOB = "33644600000", "33644600001", "33700000001", "33700000002"


async def fill(store: Store) -> None:
    """Seven messages, a minute apart, each with another outcome."""
    told = Conversation(SHOP, ANN)
    await store.journal.record(entry("delivered", at=NINE, pair=told))
    await store.journal.record(entry("undelivered", at=NINE + 60, pair=Conversation(SHOP, BOB)))
    await store.journal.record(entry("silent", SILENCE, at=NINE + 120, pair=told))
    await store.journal.record(entry("nightly", at=NINE + 180, pair=Conversation(BAR, ANN), route="bar"))
    await store.journal.record(submission(arrival("not-fetched", at=NINE + 240, pair=told), HELLO, waited_for=False))
    await store.journal.claim(claim(arrival("asking", at=NINE + 300, pair=told)))
    failed = arrival("failed", at=NINE + 360, pair=told)
    await store.journal.claim(claim(failed))
    await store.journal.fail(FailedCall(failed, 503, "bot failed: status 500", rules_failed=True))
    await store.queue.accept(incoming(1, in_reply_to="delivered", message_uuid="reply-1", status="sent", sequence=1))
    await store.queue.accept(incoming(2, in_reply_to="delivered", message_uuid="reply-1"))
    await store.queue.accept(incoming(3, in_reply_to="undelivered", message_uuid="reply-2", status="undelivered"))


async def uuids(store: Store, which: StoredFilter, limit: int = 50) -> list[str]:
    """What a first page holds."""
    found, _ = await list_messages(store.engine, which, None, limit)
    return [message.message_uuid for message in found]


def by(outcome: MessageOutcome) -> StoredFilter:
    """Messages with this outcome."""
    return StoredFilter(outcome=outcome)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (
            StoredFilter(),
            ["failed", "asking", "not-fetched", "nightly", "silent", "undelivered", "delivered"],
        ),
        (StoredFilter(route="bar"), ["nightly"]),
        (StoredFilter(route="ba"), []),
        (StoredFilter(rule="ack"), ["not-fetched", "nightly", "undelivered", "delivered"]),
        (by("answered"), ["not-fetched", "nightly", "undelivered", "delivered"]),
        (by("silent"), ["silent"]),
        (by("pending"), ["failed", "asking"]),
        (by("failed"), ["failed"]),
        (by("not_fetched"), ["not-fetched"]),
        (by("delivered"), ["delivered"]),
        (by("undelivered"), ["undelivered"]),
        (StoredFilter(addresses=(BOB,)), ["undelivered"]),
        (StoredFilter(addresses=("0700000001", ANN), outcome="silent"), ["silent"]),
        (StoredFilter(addresses=(BAR,)), ["nightly"]),
        (StoredFilter(addresses=("4917",)), []),
        (StoredFilter(span=Span(NINE + 60, NINE + 180)), ["silent", "undelivered"]),
        (StoredFilter(span=Span(since=NINE + 360)), ["failed"]),
        (StoredFilter(span=Span(until=NINE + 60)), ["delivered"]),
        (StoredFilter(outcome="pending", span=Span(until=NINE + 360)), ["asking"]),
    ],
)
async def test_filters(store: Store, which: StoredFilter, expected: list[str]) -> None:
    """Each filter, alone and together, newest first."""
    await fill(store)
    assert await uuids(store, which) == expected


async def test_messages_have_their_reports_and_deliveries(store: Store) -> None:
    """As in the history of a number."""
    await fill(store)
    (message,), _ = await list_messages(store.engine, by("delivered"), None, 50)
    assert [(one.status, [each.target for each in one.deliveries]) for one in message.reports] == [
        ("sent", ["crm"]),
        ("delivered", ["crm"]),
    ]


async def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    """Every message once, also if new ones arrive in between."""
    await fill(store)
    seen, before = [], None
    for number in range(4):
        found, before = await list_messages(store.engine, StoredFilter(), before, 2)
        seen += [message.message_uuid for message in found]
        await store.journal.record(entry(f"later-{number}", at=NINE + 1000))
    assert seen == ["failed", "asking", "not-fetched", "nightly", "silent", "undelivered", "delivered"]
    assert before is None


@pytest.mark.parametrize(
    ("which", "pages"),
    [
        (StoredFilter(route="bar"), [[], ["nightly"], [], []]),
        (by("silent"), [[], [], ["silent"], []]),
        (StoredFilter(addresses=(ANN,), rule="ack"), [["not-fetched"], ["nightly", "delivered"]]),
        (by("pending"), [["failed", "asking"]]),
    ],
)
async def test_a_page_looks_at_so_many_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch, which: StoredFilter, pages: list[list[str]]
) -> None:
    """A rare match is looked for in steps, each of which has a next page; an index needs none."""
    await fill(store)
    monkeypatch.setattr(message_list, "SCAN", 3 if which.addresses else 2)
    seen: list[list[str]] = []
    before: int | None = None
    while not seen or before is not None:
        found, before = await list_messages(store.engine, which, before, 50)
        seen.append([message.message_uuid for message in found])
    assert seen == pages


async def test_one_message(store: Store) -> None:
    """By its MessageUUID, or by the one of its reply, and nothing by another one."""
    await fill(store)
    for uuid in ("delivered", "reply-1"):
        found = await find_message(store.engine, uuid)
        assert found
        assert (found.message_uuid, len(found.reports)) == ("delivered", 2)
    assert await find_message(store.engine, ANN) is None


@contextmanager
def watched(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Every statement with its parameters."""
    made: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        made.append((statement, parameters))

    sa.event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    yield made
    sa.event.remove(store.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("which", "plan"),
    [
        (StoredFilter(addresses=(ANN,)), "USING COVERING INDEX ix_messages_person (person=?)"),
        (by("pending"), "ix_messages_pending"),
        (StoredFilter(route="bar"), "SCAN messages"),
    ],
)
async def test_a_page_takes_few_statements(store: Store, path: Path, which: StoredFilter, plan: str) -> None:
    """However many messages there are. People and pending messages are found by an index."""
    await fill(store)
    with watched(store) as made:
        await list_messages(store.engine, which, None, 50)
    asked = [one for one in made if "FROM messages" in one[0]]
    assert len(made) <= 9
    with closing(sqlite3.connect(path)) as connection:
        plans = [row[3] for sql, values in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any(plan in line for line in plans)
    assert not any(line.startswith("SCAN messages") and "INDEX" not in line for line in plans) or which.route
