"""What is remembered of each inbound message, and the laws of whoever remembers it. Pure.

2. Each proof of an entry binds what was signed to what was said: a key that is already bound to
   another value raises `Reused`, across restarts and replicas.
3. The first entry of a MessageUUID wins; everyone gets its XML, byte for byte.
10. Silence has an entry too, with its reason; every entry tells why each rule did or did not answer.

`store/ledger.py` keeps them.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from app.plivo.messages import Proof
from app.plivo.refusals import Forged, Unavailable

__all__ = ["Entry", "Ledger", "Origin", "Proof", "Reused", "Step", "StepVerdict", "Unavailable"]

StepVerdict = Literal["answers", "passes", "fails", "not asked"]


class Reused(Forged):
    """A signature that was accepted for other words is shown again (law 2)."""


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
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Which route and rule made the message that a report speaks of."""

    route: str | None
    rule: str | None


class Ledger(Protocol):
    """What is remembered of messages."""

    async def record(self, entry: Entry) -> bytes:
        """Durably the first of this MessageUUID; the XML of whoever was first. Raises `Reused`, `Unavailable`."""
        ...

    async def origin(self, message_uuid: str) -> Origin | None:
        """Who answered that message, if it is remembered. Raises `Unavailable`."""
        ...
