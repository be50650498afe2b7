"""The story of a message: its ending in a sentence, and every event in order."""

from dataclasses import replace
from typing import Any

import pytest

from app.operations.timeline import ending, timeline
from app.store.records import CallRecord, DeliveryRecord, MessageRecord, ReportRecord, TryRecord

MESSAGE = MessageRecord(
    message_uuid="in-1",
    state="answered",
    received_at=100.0,
    answered_at=101.0,
    handed_over_at=101.5,
    calls=(CallRecord(100.0, 200, "answered"),),
    sender="33700000001",
    recipient="33644600000",
    type="sms",
    intent="",
    text="Hours?",
    media=(),
    route="shop",
    rule="menu",
    reason="keyword 'HOURS'",
    steps=(),
    xml="<Response/>",
    signed_by="V3",
    token=1,
    reply_units=1,
    config="0" * 12,
    deliveries=(),
    reports=(),
)


def _delivery(state: Any = "due", *tries: TryRecord, settled_at: float | None = None) -> DeliveryRecord:
    return DeliveryRecord(
        1, "crm", state, "report", "r", "delivered", "out-1", "in-1", "33700000001", 103.0, 200.0, False,
        None, settled_at, len(tries), None, None, tries,
    )  # fmt: skip


def _report(status: str, error_code: str = "", *deliveries: DeliveryRecord) -> ReportRecord:
    return ReportRecord(
        "r", 102.0, "out-1", "in-1", "33644600000", "33700000001", status, 1, error_code, "shop", "menu", (), deliveries
    )


@pytest.mark.parametrize(
    ("changes", "mark", "sentence"),
    [
        ({}, "ok", 'Answered by "menu"; no delivery report yet'),
        ({"reports": (_report("delivered"),)}, "ok", 'Answered by "menu", delivered'),
        (
            {"reports": (_report("sent"), _report("undelivered", "80"))},
            "problem",
            'Answered by "menu", but undelivered, error 80 destination temporarily unavailable',
        ),
        ({"reports": (_report("delivered"), _report("sent"))}, "ok", 'Answered by "menu", delivered'),
        (
            {"reports": (_report("failed", "30"), _report("delivered"))},  # of another message of the answer
            "problem",
            'Answered by "menu", but failed, error 30 spam detected',
        ),
        ({"handed_over_at": None}, "pending", 'Answered by "menu"; Plivo has not fetched the answer yet'),
        ({"rule": "opt_out"}, "ok", "Answered by the opt-out policy; no delivery report yet"),
        (
            {"rule": "opt_out", "reply_units": 0, "reason": "this person has opted out"},
            "silent",
            "Not answered: this person has opted out",
        ),
        ({"rule": None, "reply_units": 0, "reason": "no route"}, "silent", "Not answered: no route"),
        (
            {"state": "pending", "rule": None, "reply_units": 0, "reason": "bot failed: status 500"},
            "pending",
            "Not answered yet: pending, call 1 of 4: bot failed: status 500",
        ),
    ],
)
def test_each_ending_is_a_sentence(changes: dict[str, Any], mark: str, sentence: str) -> None:
    """What happened, and what is still open."""
    found = ending(replace(MESSAGE, **changes))
    assert (found.mark, found.sentence) == (mark, sentence)


def test_events_are_in_order_of_time() -> None:
    """Calls, answer, reports and attempts; what is still ahead comes last, and failures are marked."""
    failed, accepted = TryRecord(103.0, 0.1, 500, "status 500", "oops"), TryRecord(104.0, 0.1, 204, None, None)
    calls = (CallRecord(100.0, 503, "bot failed: status 500"), CallRecord(100.5, 200, "answered"))
    reports = (_report("delivered", "", _delivery("done", failed, accepted), _delivery("due", failed)),)
    events = timeline(replace(MESSAGE, calls=calls, reports=reports))
    assert [(event.at, event.what, event.is_problem) for event in events] == [
        (100.0, "Plivo called, call 1: 503", True),
        (100.5, "Plivo called, call 2: 200", False),
        (101.0, "The answer was ready", False),
        (101.5, "Plivo got the answer", False),
        (102.0, "Plivo: delivered to +33700000001", False),
        (103.0, "crm did not accept the report delivered: status 500, attempt 1", True),
        (103.0, "crm did not accept the report delivered: status 500, attempt 1", True),
        (104.0, "crm accepted the report delivered: status 204, attempt 2", False),
        (200.0, "crm: attempt 2 of the report delivered is due", False),
    ]
    assert [event.text for event in events if event.text] == ["bot failed: status 500", "oops", "oops"]
    assert events[-1].is_ahead


def test_a_delivery_dies_after_its_last_attempt() -> None:
    """Although the database's clock, which settles it, may be behind that of the service."""
    tried = TryRecord(103.0, 0.1, 500, "status 500", None)
    reports = (_report("delivered", "", _delivery("dead", tried, settled_at=102.9)),)
    whats = [event.what for event in timeline(replace(MESSAGE, reports=reports))]
    assert whats[-1] == "crm: the report delivered is dead, and is attempted no more"
