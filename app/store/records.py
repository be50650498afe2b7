"""Rows as operators read them. Times are seconds since the epoch. Addresses are digits without "+", as stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.delivery.queue import State
from app.plivo.messages import Parameters


@dataclass(frozen=True, slots=True)
class TryRecord:
    """One attempt of a delivery: when it ended, how many seconds it took, and the response."""

    at: float
    seconds: float
    status: int | None
    error: str | None
    response: str | None  # how the body of the answer began; None: there was none, or it is no longer kept


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One report for one target, or a copy of a message (`kind` "message", `report_status` "received")."""

    id: int
    target: str
    state: State
    kind: str
    report_id: str
    report_status: str
    message_uuid: str
    in_reply_to: str | None
    person: str  # whom the report is about
    created_at: float
    due_at: float
    leased: bool  # a worker has it
    replayed_at: float | None
    settled_at: float | None
    attempts: int
    status: int | None  # of the last attempt, as `error`
    error: str | None
    tries: tuple[TryRecord, ...]


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One report of Plivo, and its delivery to each target. Without `in_reply_to`, the message came by other means."""

    id: str
    received_at: float
    message_uuid: str
    in_reply_to: str | None
    sender: str
    recipient: str
    status: str
    sequence: int | None
    error_code: str
    route: str | None
    rule: str | None
    parameters: Parameters
    deliveries: tuple[DeliveryRecord, ...]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call that Plivo made for a message, and its response."""

    at: float
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The result of one rule for a message."""

    rule: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One inbound message, its answer with the reason, and what became of the answer."""

    message_uuid: str
    state: str  # "pending" or "answered"
    received_at: float
    answered_at: float | None
    handed_over_at: float | None  # None: Plivo has not fetched the answer yet
    calls: tuple[CallRecord, ...]
    sender: str
    recipient: str
    type: str
    intent: str
    text: str | None  # None: not kept
    media: tuple[str, ...]
    route: str | None
    rule: str | None
    reason: str
    steps: tuple[StepRecord, ...]
    xml: str
    signed_by: str
    token: int  # the position of the token that verified it, from 1; 0: none
    reply_units: int
    config: str
    deliveries: tuple[DeliveryRecord, ...]  # of the copy of the message
    reports: tuple[ReportRecord, ...]


@dataclass(frozen=True, slots=True)
class OptOutRecord:
    """An opt-out with its proof: its beginning and end, the message and word, and the header that was verified."""

    number: str
    person: str
    at: float
    word: str
    message_uuid: str | None
    signed_by: str
    source: str  # "message", "command" or "report"
    ended_at: float | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyCount:
    """The number of replies that one of our numbers sent to a person, and when the last one was."""

    number: str
    person: str
    replies: int
    last: float


@dataclass(frozen=True, slots=True)
class PersonalRows:
    """The number of rows of each kind that the store holds about a person."""

    messages: int = 0
    reports: int = 0
    deliveries: int = 0
    cooldowns: int = 0
    opt_outs: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, from `since` to before `until`. None leaves that end open."""

    since: float | None = None
    until: float | None = None


EVER = Span()

Found = tuple[Sequence[MessageRecord], Sequence[ReportRecord]]  # messages, and reports that belong to none of them
