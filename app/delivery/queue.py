"""Deliveries that wait to be sent, and the interface of the store that keeps them. Pure.

G5: `accept` returns after the commit, or raises `Unavailable`.

G6: A repeated report adds no row. Each delivery is done, due, dead or dropped, and never lost. A lease is only a due
time in the future, so a crash needs no recovery: the delivery falls due again. `settle` needs the token of the lease,
so that a slow worker cannot undo the work of a faster one.

`app.store.deliveries` stores deliveries, `worker.py` sends them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.delivery.fan_out import FanOut, Subscriptions
from app.frozen import frozen
from app.plivo.errors import BLOCKED_BY_STOP
from app.plivo.messages import DeliveryReport, Parameters, Proof
from app.plivo.refusals import Unavailable

__all__ = [
    "STAGES",
    "Condition",
    "Copy",
    "Delivery",
    "DeliveryQueue",
    "DeliveryReport",
    "Instances",
    "Settlement",
    "State",
    "StoredReport",
    "TargetStatus",
    "Unavailable",
]

State = Literal["due", "done", "dead", "dropped"]
Condition = Literal["running", "busy", "failing"]

# How far a message has come, by the status of a report. Statuses with the same number may come in either order.
STAGES: Mapping[str, int] = {
    "queued": 0,
    "sent": 1,
    "delivered": 2,
    "undelivered": 2,
    "failed": 2,
    "rejected": 2,
    "read": 3,
}


@frozen
class StoredReport:
    """A report as it is stored: its route and rule, and the targets that want it."""

    report: DeliveryReport
    received_at: float
    route: str | None
    rule: str | None
    targets: tuple[str, ...]
    signed_by: str

    @property
    def id(self) -> str:
        """The id of the report, the same over attempts, targets and Plivo's own retries."""
        return self.report.id

    @property
    def parameters(self) -> Parameters:
        """The parameters as Plivo sent them."""
        return self.report.parameters

    @property
    def traced_uuid(self) -> str:
        """The MessageUUID of the inbound message that was answered, or else of the message that is reported on."""
        return self.report.in_reply_to or self.report.message_uuid


@frozen
class IncomingReport:
    """A verified report to be stored for the targets that want it.

    `is_full` returns whether a target's queue may take no more, given the number accepted since the last count.
    """

    report: DeliveryReport
    received_at: float  # seconds since the epoch
    signed_by: str
    proofs: tuple[Proof, ...]
    subscriptions: Subscriptions
    is_full: Callable[[str, int], bool]

    @property
    def proves_opt_out(self) -> bool:
        """Whether Plivo blocked a message because the person has sent it STOP, and our number honours opt-outs.

        Never true for an unsigned report.
        """
        report = self.report
        is_blocked = report.error_code.strip() == BLOCKED_BY_STOP and bool(
            self.signed_by and report.sender and report.to
        )
        return is_blocked and self.subscriptions.honours_opt_outs(report.sender)


@frozen
class Accepted:
    """What became of a report. It is not `new` if it repeats a stored one."""

    new: bool
    fan_out: FanOut
    full: frozenset[str]  # targets whose queue is full; for them it was stored as dead
    opted_out: bool = False  # it recorded an opt-out that was not known yet


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an inbound message and its answer, for targets with `send = ["messages"]`. The journal stores it."""

    id: str
    received_at: float
    message_uuid: str
    sender: str
    to: str
    route: str | None
    rule: str | None
    type: str = "sms"
    intent: str = ""
    text: str | None = None  # None: deleted after `keep_text`
    units: int | None = None
    media: tuple[str, ...] = ()
    reason: str = ""
    xml: bytes = b""
    parameters: Parameters = ()

    @property
    def traced_uuid(self) -> str:
        """The MessageUUID of the inbound message."""
        return self.message_uuid


@frozen
class Delivery:
    """A report, or a copy of a message, that is leased for one target."""

    id: int
    lease: str
    attempt: int  # the number of this attempt, from 1
    stale: bool  # the target has already accepted a later report of this message, by Sequence or status
    content: StoredReport | Copy


@frozen
class Settlement:
    """The outcome of an attempt for its delivery.

    If the state is "due", then in `delay` seconds by the store's clock.
    """

    delivery: int
    lease: str
    state: State
    attempts: int
    delay: float = 0.0
    status: int | None = None
    error: str | None = None
    seconds: float | None = None  # how long the POST took; None: nothing was posted, so there was no attempt
    response: str | None = None  # how the body of the response began


class DeliveryQueue(Protocol):
    """The store of deliveries."""

    async def accept(self, incoming: IncomingReport) -> Accepted:
        """Store a report. It is durable when this returns. Raises `Reused` (G2) or `Unavailable`."""
        ...

    async def lease(
        self, target: str, count: int, seconds: float, *, longest_due: bool = False, last: int | None = None
    ) -> Sequence[Delivery]:
        """Lease up to `count` due deliveries for `seconds`.

        They are those with the lowest Sequence or, with `longest_due`, those that have been due longest. The delivery
        `last` is leased only if there is no other. An operator can pause a target; then there are none. Everything
        settled before this call is taken into account. Raises `Unavailable`.
        """
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Store the outcome of an attempt, unless another worker has the lease by now. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """The status of deliveries to one target, on one server."""

    condition: Condition = "running"  # "busy": the target asked for fewer requests; "failing": paused, only probed
    failures: int = 0  # in a row
    wait: float = 0.0  # seconds until the next attempt; 0: as soon as something is due
    queue: int = 0  # deliveries that wait


class Instances(Protocol):
    """The status that running servers publish, and the requests that operators make of them."""

    async def write(self, statuses: Mapping[str, TargetStatus]) -> None:
        """Replace the published status of each target on this server. Raises `Unavailable`."""
        ...

    async def leave(self) -> None:
        """Remove the status of this server, because it stops. Raises `Unavailable`."""
        ...

    async def probe_requests(self) -> Mapping[str, float]:
        """Return when an operator last asked for an immediate attempt, by target. Raises `Unavailable`."""
        ...
