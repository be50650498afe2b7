"""What is remembered of each inbound message, and the laws of whoever remembers it. Pure.

2. Each proof of a case binds what was signed to what was said: a key that is already bound to
   another value raises `Reused`, across restarts and replicas.
3. The first entry of a MessageUUID wins; everyone gets its XML, byte for byte.
8, 9. A case is judged inside the transaction that records it, on what is remembered at that moment
   (`Memory`); what its answer uses up is recorded with it, once.
10. Silence has an entry too, with its reason; every entry tells why each rule did or did not answer.

A message whose rules cost something is *claimed* first: one owner at a time, for a while. A claim that
is not settled in time is free again, so that a crash never turns an answer into silence.

`store/ledger.py` keeps all this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from app.plivo.messages import Parameters, Proof
from app.plivo.refusals import Forged, Unavailable

__all__ = [
    "Answered", "Case", "Claimed", "CopyTo", "Entry", "Fuse", "Held", "Ledger", "Memory", "OptOutChange", "Origin",
    "Pair", "Proof", "Recall", "Reused", "Ruling", "Step", "StepVerdict", "Unavailable", "Wish",
]  # fmt: skip

StepVerdict = Literal["answers", "passes", "fails", "not asked"]


class Reused(Forged):
    """A signature that was accepted for other words is shown again (G2)."""

    label = "reused"


class Pair(NamedTuple):
    """One of our numbers and a person: the scope of an opt-out, a limit and a cooldown."""

    number: str
    person: str


@dataclass(frozen=True, slots=True)
class Step:
    """One rule's part in a decision."""

    rule: str
    verdict: StepVerdict
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One inbound message and what was decided. Times are seconds since the epoch."""

    message_uuid: str
    received_at: float
    sender: str
    to: str
    type: str
    intent: str
    text: str | None  # None: keep_text = "0d"
    units: int | None
    media: tuple[str, ...]
    route: str | None
    rule: str | None
    reason: str  # why this answer, or this silence
    steps: tuple[Step, ...]
    xml: bytes
    signed_by: str
    config: str  # the version of the config that was in force


class Fuse(NamedTuple):
    """What is spent in a scope, in the last so many seconds. A scope is a route, or "" for all."""

    scope: str
    seconds: float


@dataclass(frozen=True, slots=True)
class OptOutChange:
    """A person opts out, or in again. The row is the proof, so it tells how we know."""

    pair: Pair
    out: bool
    at: float
    message_uuid: str | None
    word: str
    signed_by: str
    source: str  # "message" or "command"


@dataclass(frozen=True, slots=True)
class Recall:
    """What a case needs to know. Windows are seconds before `now`."""

    now: float
    pair: Pair
    people: frozenset[Pair] = frozenset()  # whose opt-outs matter: the pair's, and of everybody who gets a message
    window: float = 0.0  # of replies to the pair; 0: none are needed
    fuses: frozenset[Fuse] = frozenset()
    cooldowns: bool = True  # whether some rule may have one


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered, at one moment."""

    opted_out: frozenset[Pair] = frozenset()
    replies: tuple[tuple[float, str], ...] = ()  # (when, digest of the text that was answered) for the pair
    spent: Mapping[Fuse, int] = field(default_factory=dict)
    cooldowns: Mapping[str, float] = field(default_factory=dict)  # of the pair: key -> when


@dataclass(frozen=True, slots=True)
class CopyTo:
    """Who gets a copy of the message and its answer; for targets whose queue is `full` it is dead at once."""

    id: str  # a digest of what Plivo sent, as a report's
    targets: tuple[str, ...]
    full: frozenset[str]
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is recorded: the entry, what its answer uses up, and who gets a copy."""

    entry: Entry
    text_key: str | None = None  # counted as a reply to this text; None: no reply
    units: int = 0  # what Plivo will bill
    scopes: frozenset[str] = frozenset()  # against which that counts
    cooldowns: tuple[str, ...] = ()
    opt_out: OptOutChange | None = None
    copy: CopyTo | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A message to be settled: `judge` is pure and is called in the transaction."""

    message_uuid: str
    recall: Recall
    judge: Callable[[Memory], Ruling]
    proofs: tuple[Proof, ...] = ()
    claimed: bool = True  # so that its claim ends


@dataclass(frozen=True, slots=True)
class Wish:
    """A message to be claimed by `owner` for `seconds`."""

    message_uuid: str
    owner: str
    seconds: float
    recall: Recall
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """The message has an entry."""

    xml: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else decides it now."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """It is ours to decide."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class Origin:
    """Which route and rule made the message that a report speaks of."""

    route: str | None
    rule: str | None


class Ledger(Protocol):
    """What is remembered of messages. Every method raises `Unavailable`."""

    async def record(self, case: Case) -> bytes:
        """Durably the first of this MessageUUID; the XML of whoever was first. Ends its claim. Raises `Reused`."""
        ...

    async def claim(self, wish: Wish) -> Answered | Held | Claimed:
        """Ours, also if it was ours before, unless it is answered or held by another owner. Raises `Reused`."""
        ...

    async def fail(self, message_uuid: str) -> int:
        """Its rules failed; the claim is free. How often they have failed."""
        ...

    async def release(self, owner: str) -> None:
        """Whatever this owner holds is free."""
        ...

    async def origin(self, message_uuid: str) -> Origin | None:
        """Who answered that message, if it is remembered."""
        ...
