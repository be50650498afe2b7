"""What is recorded of each inbound message, and what is asked of the store that keeps it. Pure values.

* The first entry of a MessageUUID wins; every later call gets its XML, byte for byte (G3), without the
  messages to people who have opted out since (G9).
* A candidate is admitted inside the transaction that records it; what it uses up is recorded with it, once.
* A message whose rules have effects is claimed first: one owner at a time. Its row is there from then on,
  `pending`, so that `history` shows it while its rules run or after they failed (G10).
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
    """A verified inbound message and under which configuration it came."""

    message: InboundMessage
    request: Verified
    called_at: float  # seconds since the epoch
    route: str | None
    config: str  # version of the configuration in force
    keep_text: bool
    policies: Policies
    callback: Callback


@frozen
class MessageCopy:
    """The targets that get a copy of a message and its answer; for those that are `full` it is dead at once."""

    id: str
    targets: tuple[str, ...]
    full: frozenset[str]
    parameters: Parameters


@frozen
class Submission:
    """A candidate to be admitted and recorded."""

    arrival: Arrival
    candidate: Candidate
    claimed: bool  # its row is there already, `pending`
    waited_for: bool  # a call waits for the commit, which hands the answer over
    copy: MessageCopy | None = None


@frozen
class ClaimRequest:
    """A message to be claimed by `owner` for `seconds`; `query` is what its rules need to know."""

    arrival: Arrival
    owner: str
    seconds: float
    query: UsageQuery


@frozen
class Recorded:
    """The answer of a message. `proposal` is what this call added to the journal; None: it was answered before."""

    xml: bytes
    proposal: Proposal | None = None


@frozen
class Held:
    """Another owner holds the claim."""


@frozen
class Claimed:
    """The message is ours to answer."""

    usage: Usage


@frozen
class FailedCall:
    """A call that got no answer, and why. `rules_failed` counts towards giving up."""

    arrival: Arrival
    status: int
    reason: str
    rules_failed: bool = False
    ends_claim: bool = False


class Journal(Protocol):
    """What is remembered of messages. Every method raises `Unavailable`."""

    async def record(self, submission: Submission) -> Recorded:
        """Durable on return. Raises `Reused`."""
        ...

    async def claim(self, request: ClaimRequest) -> Recorded | Held | Claimed:
        """Ours, also if it was ours before, unless it is answered or held by another owner. Raises `Reused`."""
        ...

    async def fail(self, call: FailedCall) -> int:
        """Note a call without an answer; how often the rules of the message have failed."""
        ...

    async def release(self, owner: str) -> None:
        """Free whatever this owner holds; "" stands for every owner."""
        ...


class MessageCopies(Protocol):
    """Who gets a copy of a message and its answer."""

    def full(self, names: Iterable[str]) -> frozenset[str]:
        """Those whose queue is full: their copy is dead at once."""
        ...

    def stored(self, names: tuple[str, ...], full: frozenset[str]) -> None:
        """A copy for each is durable."""
        ...
