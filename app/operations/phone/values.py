"""A conversation on the console's phone: what a person writes, what is sent in reply, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.plivo.messages import Outgoing
from app.store.records import StepRecord


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of a person to one of our numbers (normalised addresses), at a time in seconds since the epoch.

    `given` says what a rule that calls out would say to it: a text, "pass" (the default) or "fail".
    """

    sender: str
    to: str
    text: str
    at: float
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a person, and what became of it.

    `rule` is None if no rule answered. `message_uuid` is None if nothing is stored. `is_pending`: there is no answer
    yet, and `reason` says how far it is.
    """

    incoming: Incoming
    route: str | None
    rule: str | None
    reason: str
    steps: tuple[StepRecord, ...]
    messages: tuple[Outgoing, ...]
    units: int  # SMS units that Plivo would bill, times the recipients
    xml: str
    message_uuid: str | None = None
    is_pending: bool = False
