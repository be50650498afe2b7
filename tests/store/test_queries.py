"""What an operator asks: the history of a number or a message, and the deliveries."""

import pytest
import sqlalchemy as sa
from support.stored import HELLO, NINE, Clock, entry, incoming

from app.delivery.queue import Settlement
from app.plivo.refusals import Unavailable
from app.policies.usage import Conversation
from app.store import Store
from app.store.queries import history, list_deliveries
from app.store.records import Found, Span, StepRecord
from app.store.selection import Selection

ANN, BOB, SHOP = "33700000001", "33700000002", "33644600000"


async def fill(store: Store) -> None:
    """Two messages of Ann, one of Bob; two reports on Ann's first, one on a message sent by other means."""
    for number, sender in ((1, ANN), (2, BOB), (3, ANN)):
        await store.journal.record(entry(f"message-{number}", at=NINE + number, pair=Conversation(SHOP, sender)))
    await store.queue.accept(incoming(2, "crm", "audit", sequence=2, at=NINE + 11))
    await store.queue.accept(incoming(1, "crm", sequence=1, at=NINE + 11, status="sent"))
    await store.queue.accept(incoming(3, to=BOB, in_reply_to=None, message_uuid="campaign-1", at=NINE + 12))


def told(answer: Found) -> tuple[dict[str, list[str]], list[str]]:
    """Messages with their reports, and the other reports, by id."""
    messages, others = answer
    theirs = {message.message_uuid: [report.id for report in message.reports] for message in messages}
    return theirs, [report.id for report in others]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        pytest.param(ANN, ({"message-1": ["report-1", "report-2"], "message-3": []}, []), id="a customer"),
        pytest.param(BOB, ({"message-2": []}, ["report-3"]), id="a customer with a report of another kind"),
        pytest.param(
            SHOP,
            ({"message-1": ["report-1", "report-2"], "message-2": [], "message-3": []}, ["report-3"]),
            id="our number",
        ),
        pytest.param("message-1", ({"message-1": ["report-1", "report-2"]}, []), id="an inbound MessageUUID"),
        pytest.param("reply-1", ({"message-1": ["report-1", "report-2"]}, []), id="the MessageUUID of our answer"),
        pytest.param("campaign-1", ({}, ["report-3"]), id="the MessageUUID of a message sent by other means"),
        pytest.param("nobody", ({}, []), id="nobody"),
    ],
)
async def test_history_joins_messages_and_reports(
    store: Store, who: str, expected: tuple[dict[str, list[str]], list[str]]
) -> None:
    """G10: what came, and what became of the answer, oldest first, by number or by either MessageUUID."""
    await fill(store)
    assert told(await history(store.engine, who, 10)) == expected


async def test_history_gives_the_newest(store: Store) -> None:
    """A limit cuts the old end."""
    await fill(store)
    assert told(await history(store.engine, SHOP, 2)) == ({"message-2": [], "message-3": []}, ["report-2", "report-3"])


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(since=NINE + 3), ({"message-3": []}, ["report-1", "report-2"])),
        (Span(until=NINE + 3), ({"message-1": ["report-1", "report-2"]}, [])),
        (Span(NINE + 2, NINE + 3), ({}, [])),
        (Span(since=NINE + 11), ({}, ["report-1", "report-2"])),
    ],
)
async def test_history_of_a_span(store: Store, span: Span, expected: tuple[dict[str, list[str]], list[str]]) -> None:
    """Messages that came within it, with all their reports; and reports that came within it on other messages."""
    await fill(store)
    assert told(await history(store.engine, ANN, 10, span)) == expected


async def test_history_tells_the_steps_and_what_each_target_said(store: Store) -> None:
    """Each rule's part in the decision, the XML as text, and each target's last answer."""
    await fill(store)
    (delivery,) = await store.queue.lease("audit", 1, 30)
    await store.queue.settle(Settlement(delivery.id, delivery.lease, "dead", 10, 0.0, 500, "status 500"))
    ((message,), _) = await history(store.engine, "message-1", 10)
    assert message.steps == (StepRecord("menu", "passes", "no keyword"),)
    assert (message.xml, message.media) == (HELLO.xml.decode(), ("https://m.example/1",))
    said = [
        [(one.target, one.state, one.attempts, one.error) for one in report.deliveries] for report in message.reports
    ]
    assert said == [[("crm", "due", 0, None)], [("crm", "due", 0, None), ("audit", "dead", 10, "status 500")]]
    assert message.reports[0].parameters == (("MessageUUID", "reply-1"), ("Status", "delivered"), ("Empty", ""))


@pytest.mark.parametrize(
    ("which", "limit", "expected"),
    [
        (Selection(), 10, [("report-3", "crm"), ("report-1", "crm"), ("report-2", "audit"), ("report-2", "crm")]),
        (Selection(), 2, [("report-3", "crm"), ("report-1", "crm")]),
        (Selection(target="crm"), 10, [("report-3", "crm"), ("report-1", "crm"), ("report-2", "crm")]),
        (Selection(states=("done",)), 10, [("report-2", "audit")]),
        (Selection(target="crm", states=("done",)), 10, []),
        (Selection(target="crm", states=("due", "done")), 1, [("report-3", "crm")]),
        (Selection(target="other"), 10, []),
        (Selection(status="sent"), 10, [("report-1", "crm")]),
        (Selection(ids=(1, 4)), 10, [("report-3", "crm"), ("report-2", "crm")]),
        (Selection(newer_than=30.0), 10, [("report-4", "crm")]),
        (Selection(older_than=30.0, target="audit"), 10, [("report-2", "audit")]),
        (Selection(older_than=90.0), 10, []),
    ],
)
async def test_deliveries_are_listed_newest_first(
    store: Store, clock: Clock, which: Selection, limit: int, expected: list[tuple[str, str]]
) -> None:
    """By target, state, status of the report, id and age; no more than asked for."""
    await fill(store)
    (delivery,) = await store.queue.lease("audit", 1, 30)
    await store.queue.settle(Settlement(delivery.id, delivery.lease, "done", 1))
    if which.newer_than or which.older_than:
        clock.advance(60)
        await store.queue.accept(incoming(4, "crm"))
    rows = await list_deliveries(store.engine, which, limit)
    assert [(row.report_id, row.target) for row in rows] == expected


async def test_every_try_is_kept(store: Store, clock: Clock) -> None:
    """When, how long, and what the receiver said, oldest first; the history tells the same."""
    await store.queue.accept(incoming(1))
    for state, status, error, seconds, said in (
        ("due", 500, "status 500", 0.25, "sorry\n\x1b"),
        ("done", 204, None, 0.125, None),
    ):
        (leased,) = await store.queue.lease("crm", 1, 30)
        clock.advance(1)
        await store.queue.settle(
            Settlement(leased.id, leased.lease, state, leased.attempt, 0.0, status, error, seconds, said)  # type: ignore[arg-type]
        )
    (row,) = await list_deliveries(store.engine, Selection(), 1)
    _, [report] = await history(store.engine, ANN, 1)
    tries = [
        [(one.at, one.seconds, one.status, one.error, one.response) for one in shown.tries]
        for shown in (row, report.deliveries[0])
    ]
    expected = [(NINE + 1, 0.25, 500, "status 500", "sorry\n\x1b"), (NINE + 2, 0.125, 204, None, None)]
    assert tries == [expected] * 2


async def test_what_was_cut_off_before_its_post_is_no_try(store: Store) -> None:
    """A stop that comes between lease and POST leaves no try; one of a delivery that is gone harms nobody."""
    await store.queue.accept(incoming(1))
    (leased,) = await store.queue.lease("crm", 1, 30)
    await store.queue.settle(Settlement(leased.id, leased.lease, "due", 0))
    await store.queue.settle(Settlement(77, "lease", "done", 1, seconds=1.0))
    (row,) = await list_deliveries(store.engine, Selection(), 1)
    assert (row.attempts, row.tries) == (0, ())


async def test_delivery_shows_its_report(store: Store, clock: Clock) -> None:
    """A row tells which message it speaks of, and what Plivo said of it."""
    clock.advance(3)
    await store.queue.accept(incoming(1, "crm", status="undelivered"))
    (row,) = await list_deliveries(store.engine, Selection(), 1)
    shown = {
        name: getattr(row, name)
        for name in ("message_uuid", "in_reply_to", "report_status", "created_at", "settled_at")
    }
    assert shown == {
        "message_uuid": "reply-1",
        "in_reply_to": "message-1",
        "report_status": "undelivered",
        "created_at": NINE + 3,
        "settled_at": None,
    }


@pytest.mark.usefixtures("path")  # says it in SQLite's words
async def test_unreadable_store_is_unavailable(store: Store) -> None:
    """A command gets a reason, not a traceback of a database."""
    async with store.engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE reports"))
    with pytest.raises(Unavailable, match="the store cannot be read: the database refused the statement"):
        await history(store.engine, ANN, 10)


@pytest.mark.usefixtures("path")  # says it in SQLite's words
async def test_long_history_is_read_whole(store: Store) -> None:
    """A limit as high as the command allows works, however many reports there are."""
    async with store.engine.begin() as connection:
        await connection.execute(sa.text(_MANY_MESSAGES), {"ann": ANN, "shop": SHOP})
        await connection.execute(sa.text(_MANY_REPORTS), {"ann": ANN, "shop": SHOP})
        await connection.execute(sa.text(_MANY_DELIVERIES))
    messages, others = await history(store.engine, SHOP, 10_000)
    assert (len(messages), {len(message.reports) for message in messages}, others) == (10_000, {4}, [])
    assert all(len(report.deliveries) == 1 for message in messages for report in message.reports)


_MANY_MESSAGES = """
    WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
    INSERT INTO messages
    (message_uuid, received_at, sender, person, recipient, type, intent, media, reason, steps, xml, signed_by, token,
     config, state, counted, reply_units, failures)
    SELECT 'm' || i, i, :ann, :ann, :shop, 'sms', '', '[]', '', '[]', x'', 'V3', 1, '', 'answered', 1, 1, 0 FROM n
"""
_MANY_REPORTS = """
    WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < 39999)
    INSERT INTO reports
    (id, received_at, message_uuid, in_reply_to, status, sequence, error_code, sender, recipient, person, signed_by,
     parameters, kind)
    SELECT 'r' || i, i, 'a' || (i / 4), 'm' || (i / 4), 'sent', i % 4, '', :shop, :ann, :ann, 'V3', '[]', 'report'
    FROM n
"""
_MANY_DELIVERIES = """
    INSERT INTO deliveries (report_id, target, state, sequence, due_at, attempts, created_at)
    SELECT id, 'crm', 'done', sequence, 0, 1, 0 FROM reports
"""


@pytest.mark.parametrize("newest", [0, 1, 2, 100])
async def test_deliveries_of_a_status(store: Store, monkeypatch: pytest.MonkeyPatch, newest: int) -> None:
    """Newest first and page by page, however few are looked through before all are."""
    monkeypatch.setattr("app.store.queries.NEWEST", newest)
    for number, status in enumerate(("sent", "delivered", "sent", "failed", "sent"), 1):
        await store.queue.accept(incoming(number, status=status))
    pages = [await list_deliveries(store.engine, Selection(status="sent"), 2, before) for before in (None, 3, 1)]
    assert [[one.id for one in page] for page in pages] == [[5, 3], [1], []]
