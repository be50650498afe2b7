"""A message that is sent to an instance as Plivo would, and what came back."""

from dataclasses import dataclass
from typing import Literal

import httpx

from app.plivo import units
from app.plivo.messages import Outgoing

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class SimulatedMessage:
    """A message from a person to one of our numbers, and how Plivo calls. The same `uuid` again is Plivo's retry."""

    sender: str
    to: str
    text: str = ""
    kind: str = "sms"  # or "mms", "whatsapp"
    intent: str = ""  # MessageIntent, as Plivo sets it
    uuid: str | None = None  # None: a new one
    method: Method = "POST"
    signature: str = "both"  # a key of `SIGNATURES`
    report: str | None = None  # a key of `PATHS`: then each message of the reply is reported up to this status


@dataclass(frozen=True, slots=True)
class SentReply:
    """One message of a reply, as in the XML. Several destinations are joined by "<"."""

    src: str
    dst: str
    type: str
    callback_url: str
    callback_method: str
    text: str

    @property
    def message(self) -> Outgoing:
        """The message itself."""
        return Outgoing(self.src, tuple(self.dst.split("<")), self.text)

    @property
    def units(self) -> int:
        """SMS units for each destination."""
        return units.count(self.text)


@dataclass(frozen=True, slots=True)
class Exchange:
    """When a request was made and answered (seconds since the epoch), its method and URL as Plivo has them, and the
    HTTP status that it got.
    """

    asked_at: float
    answered_at: float
    method: str
    url: str
    status: int


@dataclass(frozen=True, slots=True)
class SentReport:
    """One delivery report that was played."""

    message_uuid: str
    to: str
    status: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Sent:
    """The response of an instance. `fault` says what was wrong with it, or is None."""

    message_uuid: str
    exchange: Exchange
    xml: str
    messages: tuple[SentReply, ...]
    reports: tuple[SentReport, ...]
    fault: str | None

    @property
    def is_silence(self) -> bool:
        """Whether the answer was taken, and sends nothing."""
        return self.exchange.status == httpx.codes.OK and not self.messages
