"""Deliveries that wait to be forwarded, and the contract of the store that keeps them. Pure.

5. `accept` returns after the commit, or raises `Unavailable`.
6. The same report makes no second row; each delivery is done, due, dead or dropped, never gone.
7. A lease is only a due time in the future. A crash needs no recovery code: the delivery falls due
   again. `settle` needs the lease's token, so that a slow worker cannot undo a faster one.

`app.store.deliveries` keeps it; `dispatcher.py` empties it.
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

# How far a message has come by the status of a report; what has the same number may follow in either order.
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
    """A report as it is stored: who it belongs to, and which targets want it."""

    report: DeliveryReport
    received_at: float
    route: str | None
    rule: str | None
    targets: tuple[str, ...]
    signed_by: str

    @property
    def id(self) -> str:
        """The same over tries, targets and Plivo's repeats."""
        return self.report.id

    @property
    def parameters(self) -> Parameters:
        """As Plivo sent them."""
        return self.report.parameters


@frozen
class IncomingReport:
    """A verified report that is to be stored for the targets that want it.

    `is_full` tells whether the queue of a target may take no more, with so many that were accepted meanwhile.
    """

    report: DeliveryReport
    received_at: float  # seconds since the epoch
    signed_by: str
    proofs: tuple[Proof, ...]
    subscriptions: Subscriptions
    is_full: Callable[[str, int], bool]

    @property
    def proves_opt_out(self) -> bool:
        """Whether Plivo refused to send because the person has told it STOP, and our number honours opt-outs.

        Nobody is believed without a signature.
        """
        report = self.report
        is_blocked = report.error_code.strip() == BLOCKED_BY_STOP and bool(
            self.signed_by and report.sender and report.to
        )
        return is_blocked and self.subscriptions.honours_opt_outs(report.sender)


@frozen
class Accepted:
    """What became of a report. A repeat of one that is stored already is not `new`."""

    new: bool
    fan_out: FanOut
    full: frozenset[str]  # targets whose queue is full: for them it is dead at once
    opted_out: bool = False  # it made an opt-out that was not known


@dataclass(frozen=True, slots=True)
class Copy:
    """An inbound message and its answer, for targets with `send = ["messages"]`. The journal stores it."""

    id: str
    received_at: float
    message_uuid: str
    sender: str
    to: str
    route: str | None
    rule: str | None
    type: str = "sms"
    intent: str = ""
    text: str | None = None  # None: `keep_text` is over
    units: int | None = None
    media: tuple[str, ...] = ()
    reason: str = ""
    xml: bytes = b""
    parameters: Parameters = ()


@frozen
class Delivery:
    """A report or a copy of a message, leased for one target."""

    id: int
    lease: str
    attempt: int  # this one included, from 1
    stale: bool  # a later report of the same message, by Sequence or else by status, has been accepted already
    content: StoredReport | Copy


@frozen
class Settlement:
    """What became of an attempt. `delay` (seconds from now, by the store's clock) belongs to "due"."""

    delivery: int
    lease: str
    state: State
    attempts: int
    delay: float = 0.0
    status: int | None = None
    error: str | None = None
    seconds: float | None = None  # what the POST took; None: nothing was posted, so there is no try to remember


class DeliveryQueue(Protocol):
    """What waits to be forwarded."""

    async def accept(self, incoming: IncomingReport) -> Accepted:
        """Durable on return. Raises `Reused` (G2), `Unavailable`."""
        ...

    async def lease(
        self, target: str, count: int, seconds: float, *, longest_due: bool = False, last: int | None = None
    ) -> Sequence[Delivery]:
        """Up to `count` due deliveries, ours for `seconds`: those of the lowest Sequence, or those that have been
        due longest; the delivery `last` only if there is no other. None while an operator has paused the target.
        Sees whatever was settled before it was called. Raises `Unavailable`.
        """
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Writes the outcome, unless the lease went to somebody else. Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """How deliveries to one target go on one server."""

    condition: Condition = "running"  # "busy": it asked for fewer requests; "failing": paused, only probed
    failures: int = 0  # in a row
    wait: float = 0.0  # seconds until the next attempt; 0: whenever something is due
    queue: int = 0  # deliveries that wait


class Instances(Protocol):
    """What the running servers tell operators, and what operators ask of them."""

    async def write(self, statuses: Mapping[str, TargetStatus]) -> None:
        """How each target does on this server, instead of what it wrote before. Raises `Unavailable`."""
        ...

    async def leave(self) -> None:
        """This server runs no more. Raises `Unavailable`."""
        ...

    async def probe_requests(self) -> Mapping[str, float]:
        """When an operator last asked for an attempt at once, by target. Raises `Unavailable`."""
        ...
