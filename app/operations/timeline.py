"""The story of one message: one sentence on how it ended, and every event in order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.delivery.queue import STAGES
from app.operations.history import DeliveryRecord, MessageRecord, ReportRecord, error_in_words, pending_in_words
from app.plivo.numbers import show
from app.replies.reasons import OPT_OUT

Mark = Literal["ok", "silent", "pending", "problem"]

ACCEPTED = range(200, 300)  # statuses with which a target takes a report
FAILED = ("undelivered", "failed", "rejected")  # final statuses of Plivo that are bad news


@dataclass(frozen=True, slots=True)
class Ending:
    """How a message ended, or how far it is: a mark for lists, and a sentence."""

    mark: Mark
    sentence: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event at a time (seconds since the epoch). `text` is what Plivo or a target said, word for word."""

    at: float
    what: str
    text: str = ""
    is_problem: bool = False
    is_ahead: bool = False  # it is due at that time


def ending(message: MessageRecord) -> Ending:
    """Return how a message ended."""
    if message.state == "pending":
        return Ending("pending", f"Not answered yet: {pending_in_words(message)}")
    if message.rule is None or not (message.reply_units or message.reports):
        by = f' (rule "{message.rule}")' if message.rule and message.rule != OPT_OUT else ""
        return Ending("silent", f"Not answered: {message.reason}{by}")
    answered = "Answered by the opt-out policy" if message.rule == OPT_OUT else f'Answered by "{message.rule}"'
    if message.handed_over_at is None:
        return Ending("pending", f"{answered}; Plivo has not fetched the answer yet")
    if not message.reports:
        return Ending("ok", f"{answered}; no delivery report yet")
    last = _final(message.reports)
    if last.status in FAILED:
        return Ending("problem", f"{answered}, but {last.status}{error_in_words(last)}")
    return Ending("ok", f"{answered}, {last.status}")


def report_in_words(report: ReportRecord) -> str:
    """Return the status of a report, with the error if there is one: "failed, error 30 spam detected"."""
    return f"{report.status}{error_in_words(report)}"


def _final(reports: Sequence[ReportRecord]) -> ReportRecord:
    """Return the report that says how an answer ended: a failure, else the furthest status.

    Reports may come in any order, and an answer of several messages has reports of each.
    """
    return max(reversed(reports), key=lambda one: (one.status in FAILED, STAGES.get(one.status, -1)))


def timeline(message: MessageRecord) -> tuple[Event, ...]:
    """Return every event of a message, of its answer and of its delivery reports, the earliest first."""
    return tuple(sorted(_events(message), key=lambda event: event.at))


def _events(message: MessageRecord) -> Iterator[Event]:
    for number, call in enumerate(message.calls, 1):
        said = "" if call.reason == "answered" else call.reason
        yield Event(call.at, f"Plivo called, call {number}: {call.status}", said, call.status not in ACCEPTED)
    if message.answered_at is not None:
        yield Event(message.answered_at, "The answer was ready")
    if message.handed_over_at is not None:
        yield Event(message.handed_over_at, "Plivo got the answer")
    for delivery in message.deliveries:
        yield from _of_delivery(delivery, "a copy of the message")
    for report in message.reports:
        bad = report.status in FAILED
        yield Event(
            report.received_at, f"Plivo: {report.status} to {show(report.recipient)}{error_in_words(report)}", "", bad
        )
        for delivery in report.deliveries:
            yield from _of_delivery(delivery, f"the report {report.status}")


def _of_delivery(one: DeliveryRecord, what: str) -> Iterator[Event]:
    for number, attempt in enumerate(one.tries, 1):
        result = attempt.error or f"status {attempt.status}"
        accepted = attempt.status is not None and attempt.status in ACCEPTED
        verb = "accepted" if accepted else "did not accept"
        yield Event(
            attempt.at,
            f"{one.target} {verb} {what}: {result}, attempt {number}",
            attempt.response or "",
            not accepted,
        )
    if one.state == "due":
        yield Event(one.due_at, f"{one.target}: attempt {len(one.tries) + 1} of {what} is due", is_ahead=True)
    if one.state == "dead" and one.settled_at is not None:
        after = max(one.settled_at, *(attempt.at for attempt in one.tries), 0.0)  # by two clocks: that of the database
        yield Event(after, f"{one.target}: {what} is dead, and is attempted no more", is_problem=True)
