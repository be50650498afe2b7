"""Play Plivo against a running instance: a signed message, then the delivery reports of its reply. No SMS is sent."""

import secrets
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree as ET

import httpx

from app.operations.addresses import ReadAddress
from app.operations.errors import OperationFailed, OperationRefused
from app.operations.history import history, pending_in_words
from app.plivo import units
from app.plivo.messages import IDENTIFIER, Outgoing, Parameters
from app.plivo.signature import V2, V3, Family, Request, Token, signed_headers
from app.runtime import Runtime
from app.store import Store

TIMEOUT = 8.0  # seconds: what Plivo waits, https://support.plivo.com/hc/en-us/articles/360041344652
SIGNATURES: dict[str, tuple[tuple[Family, str], ...]] = {
    "v2": ((V2, "V2"),),
    "ma-v2": ((V2, "Ma-V2"),),
    "v3": ((V3, "V3"),),
    "ma-v3": ((V3, "Ma-V3"),),
    "both": ((V2, "V2"), (V3, "Ma-V3")),  # as seen in live traffic
}
PATHS = {  # what Plivo reports on the way to a final status
    "queued": ("queued",),
    "sent": ("queued", "sent"),
    "delivered": ("queued", "sent", "delivered"),
    "undelivered": ("queued", "sent", "undelivered"),
    "failed": ("queued", "failed"),
}
ERRORS = {"undelivered": "80", "failed": "300"}
_ATTRIBUTES = ("src", "dst", "callbackUrl", "callbackMethod")

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


def send(runtime: Runtime, url: str, message: SimulatedMessage) -> Sent:
    """Send a signed message to the instance that listens at `url`, and play the reports of its reply.

    Signs for the public URL with the first token. Raises `OperationRefused` for a bad MessageUUID or URL, and
    `OperationFailed` if nobody answers, or something else does.
    """
    message_uuid = str(uuid.uuid4()) if message.uuid is None else message.uuid
    if not IDENTIFIER.fullmatch(message_uuid):
        raise OperationRefused(f"{message_uuid!r} is no MessageUUID: write 1 to 64 letters, digits, - or _")
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
        caller = _Caller(client, url.rstrip("/"), runtime.tokens[0], message.signature)
        url = f"{runtime.public_url}/message"
        response, exchange = caller.call(message.method, url, _message(message, message_uuid))
        replies = tuple(_read(response))
        path = PATHS[message.report] if message.report else ()
        reports = tuple(report for reply in replies for report in _play_reports(caller, reply, path))
    return Sent(message_uuid, exchange, response.text, replies, reports, _fault(exchange, reports))


async def explain_reply(store: Store, message_uuid: str, read: ReadAddress) -> str | None:
    """Return why a message got its reply, or how far it is without one; None if this store does not know it.

    Raises `Unavailable`.
    """
    found = await history(store, message_uuid, read, 1)
    if not found.messages:
        return None
    message = found.messages[0]
    return pending_in_words(message) if message.state == "pending" else message.reason


def _fault(exchange: Exchange, reports: tuple[SentReport, ...]) -> str | None:
    if exchange.status != httpx.codes.OK:
        return f"the instance answered {exchange.status}"
    if any(report.exchange.status != httpx.codes.OK for report in reports):
        return "a report was not accepted"
    return None


@dataclass(frozen=True, slots=True)
class _Caller:
    """A caller that signs for the public URL and calls the local one."""

    client: httpx.Client
    local: str
    token: Token
    signature: str

    def call(self, method: str, url: str, parameters: Parameters) -> tuple[httpx.Response, Exchange]:
        """Make one signed request. Raises `OperationRefused` for a bad URL, `OperationFailed` if nobody answers."""
        local, asked_at = self.local + urlsplit(url).path, time.time()
        try:
            response = self._request(method, url, local, parameters)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):  # the last: a host name that cannot be
            raise OperationRefused(f"{self.local!r} is no URL of an instance; write http://127.0.0.1:8080") from None
        except httpx.HTTPError as error:
            why = f"no answer from {local} within {TIMEOUT:g} s ({type(error).__name__})"
            raise OperationFailed(f"{why}; is `plivo-autoreply serve` running there?") from None
        return response, Exchange(asked_at, time.time(), method, url, response.status_code)

    def _request(self, method: str, url: str, local: str, parameters: Parameters) -> httpx.Response:
        form = urlencode(parameters)
        headers = self._headers(method, url, parameters, form)
        if method == "GET":
            return self.client.get(f"{local}?{form}", headers=headers)
        headers["content-type"] = "application/x-www-form-urlencoded"
        return self.client.post(local, content=form, headers=headers)

    def _headers(self, method: str, url: str, parameters: Parameters, form: str) -> dict[str, str]:
        signed = Request.of(method, url, parameters) if method == "POST" else Request.of(method, f"{url}?{form}", ())
        headers: dict[str, str] = {}
        for family, name in SIGNATURES[self.signature]:
            headers |= signed_headers(signed, family, name, self.token, secrets.token_hex(10))
        return headers


def _message(message: SimulatedMessage, message_uuid: str) -> Parameters:
    return (
        ("From", message.sender),
        ("MessageIntent", message.intent),
        ("MessageUUID", message_uuid),
        ("PowerpackUUID", ""),
        ("Text" if message.kind == "sms" else "Body", message.text),
        ("To", message.to),
        ("TotalAmount", "0"),
        ("TotalRate", "0"),
        ("Type", message.kind),
        ("Units", str(units.count(message.text))),
    )


def _read(response: httpx.Response) -> Iterator[SentReply]:
    """Yield the messages of a reply. Raises `OperationFailed` if it is not of this service."""
    if response.status_code != httpx.codes.OK:
        return
    try:
        messages = ET.fromstring(response.content).findall("Message")  # noqa: S314 - of our own instance
    except ET.ParseError as error:
        raise OperationFailed(f"the reply is not XML: {error}; does something else listen there?") from None
    for one in messages:
        if not one.attrib.keys() >= set(_ATTRIBUTES):
            raise OperationFailed("the reply is XML, but not of this service; does something else listen there?")
        src, dst, url, method = (one.attrib[name] for name in _ATTRIBUTES)
        yield SentReply(src, dst, one.attrib.get("type", ""), url, method, one.text or "")


def _play_reports(caller: _Caller, reply: SentReply, path: tuple[str, ...]) -> Iterator[SentReport]:
    """Report as Plivo does: one call to the callbackUrl for each change of status, for each destination."""
    for destination in reply.message.dst:
        sent_uuid = str(uuid.uuid4())
        for sequence, status in enumerate(path, start=1):
            parameters = _report(reply, destination, sent_uuid, status, sequence)
            _, exchange = caller.call(reply.callback_method, reply.callback_url, parameters)
            yield SentReport(sent_uuid, destination, status, exchange)


def _report(reply: SentReply, destination: str, sent_uuid: str, status: str, sequence: int) -> Parameters:
    stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return (
        ("ErrorCode", ERRORS.get(status, "")),
        ("From", reply.src),
        ("MessageTime", stamp),
        ("MessageUUID", sent_uuid),
        ("ParentMessageUUID", sent_uuid),
        ("PartInfo", "1 of 1"),
        ("Sequence", str(sequence)),
        ("Status", status),
        ("To", destination),
        ("Units", str(reply.units)),
    )
