"""What is recorded of each inbound message, and the interface of the store that keeps it. Pure values.

* The first answer to a MessageUUID wins. Every later call gets the same XML, byte for byte (G3), without messages to
  people who have opted out since (G9).
* A candidate is admitted inside the transaction that records it. What it uses up is recorded with it, once.
* A message whose rules have effects is claimed first, by one owner at a time. From then on it has a row, `pending`, so
  that `history` shows it while its rules run or after they have failed (G10).
"""

from collections.abc import Iterable
from typing import Protocol

from app.frozen import frozen
from app.plivo.markup import Callback
from app.plivo.messages import InboundMessage, Parameters, Verified
from app.plivo.refusals import Forged
from app.policies.policies import Policies
from app.policies.usage import Usage, UsageQuery
from app.replies.decide import Candidate
from app.replies.proposals import Proposal


class Reused(Forged):
    """A signature that was accepted for other content is used again (G2)."""

    label = "reused"


@frozen
class Arrival:
    """A verified inbound message, and the configuration in force when it arrived."""

    message: InboundMessage
    request: Verified
    called_at: float  # seconds since the epoch
    route: str | None
    config: str  # version of the configuration in force
    keep_text: bool
    policies: Policies
    callback: Callback
    is_test: bool = False  # it is from a test sender: it is not counted, and no target gets a copy


@frozen
class MessageCopy:
    """A copy of a message and its answer for some targets. For targets in `full` it is stored as dead."""

    id: str
    targets: tuple[str, ...]
    full: frozenset[str]
    parameters: Parameters


@frozen
class Submission:
    """A candidate to be admitted and recorded."""

    arrival: Arrival
    candidate: Candidate
    claimed: bool  # its row exists already, as `pending`
    waited_for: bool  # a call waits for the commit and hands the answer over
    copy: MessageCopy | None = None
    ready_at: float = 0.0  # when its rules had answered, in seconds since the epoch; 0: when they were asked


@frozen
class ClaimRequest:
    """A request to claim a message for `owner`, for `seconds`. `query` asks for what its rules need to know."""

    arrival: Arrival
    owner: str
    seconds: float
    query: UsageQuery


@frozen
class Recorded:
    """The answer to a message. `proposal` is what this call recorded; None if the message had been answered before."""

    xml: bytes
    proposal: Proposal | None = None


@frozen
class Held:
    """The result of a claim that another owner holds."""


@frozen
class Claimed:
    """The result of a successful claim, with the usage that was asked for."""

    usage: Usage


@frozen
class FailedCall:
    """A call that got no answer, and why. If `rules_failed`, it counts towards giving up."""

    arrival: Arrival
    status: int
    reason: str
    rules_failed: bool = False
    ends_claim: bool = False
    steps: str | None = None  # JSON: what each rule said; None: what is known of an earlier call stays
    noted: bool = False  # the call ended before its rules failed, and was recorded then
    gives_up_at: int | None = None  # with this many failures the call gets silence: it is recorded with that answer


class Journal(Protocol):
    """The store of inbound messages and their answers. Every method raises `Unavailable`."""

    async def record(self, submission: Submission) -> Recorded:
        """Admit and record a candidate. The answer is durable when this returns. Raises `Reused`."""
        ...

    async def claim(self, request: ClaimRequest) -> Recorded | Held | Claimed:
        """Claim a message unless it is answered or another owner holds it.

        An owner may claim it again. Raises `Reused`.
        """
        ...

    async def fail(self, call: FailedCall) -> int:
        """Record a call without an answer. Return how often the rules of the message have failed."""
        ...

    async def release(self, owner: str) -> None:
        """Release all claims of an owner; "" stands for every owner."""
        ...


class MessageCopies(Protocol):
    """The queues of the targets that get copies of messages and their answers."""

    def full(self, names: Iterable[str]) -> frozenset[str]:
        """Return the targets whose queue is full. Their copy is stored as dead."""
        ...

    def stored(self, names: tuple[str, ...], full: frozenset[str]) -> None:
        """Note that a copy for each of these targets is durable."""
        ...
