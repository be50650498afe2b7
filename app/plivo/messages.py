"""Inbound messages and delivery reports, parsed from the parameters of a signed request.

Parameters are parsed here, once. No other module reads them, except for a report's own fields, which are forwarded
unchanged.

https://docs.plivo.com/docs/messaging/api/message/handling-incoming and .../message-status-callbacks
"""

import hashlib
import re
from collections.abc import Collection
from typing import Self

from app import folding
from app.folding import Word
from app.frozen import frozen
from app.plivo import numbers
from app.plivo.refusals import Malformed

Parameters = tuple[tuple[str, str], ...]  # in wire order, repeated names kept

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")  # G2: MessageUUIDs and nonces; no dot, no slash

ADDRESS_LENGTH = 64  # characters of From and To; Plivo sends at most 15 digits or 11 letters

STATUSES = ("queued", "sent", "failed", "delivered", "undelivered", "rejected", "read")  # of Plivo's delivery reports

_MESSAGE_FIELDS = frozenset({"MessageUUID", "From", "To", "Text", "Body", "Type", "MessageIntent", "Units"})
_REPORT_FIELDS = frozenset({"MessageUUID", "Status", "From", "To"})

_SMALL = re.compile(r"[0-9]{1,9}")


@frozen
class Proof:
    """The binding of a signature to the content that it came with (G2).

    The same key with another value means that the signature was reused.
    """

    key: bytes  # SHA-256 of the signed text
    value: bytes  # the `content_digest` of the request


@frozen
class Verified:
    """A request that Plivo signed or, with `signature = "log-only"`, one that passed unverified."""

    path: str  # below public_url: "/message", "/report/<uuid>"
    parameters: Parameters
    proofs: tuple[Proof, ...]
    signed_by: str  # "V3", "Ma-V3", "V2", "Ma-V2"; "" if log-only let it pass unverified
    token: int = 0  # the position of the token that verified it, from 1; 0: none

    @property
    def digest(self) -> bytes:
        """The `content_digest` of the request, taken from its proofs if it has any."""
        return self.proofs[0].value if self.proofs else content_digest(self.path, self.parameters)


@frozen
class InboundMessage:
    """One inbound message. Its addresses are normalised; its text is exactly what Plivo sent."""

    message_uuid: str
    sender: str
    to: str
    text: str
    type: str = "sms"
    intent: str = ""  # MessageIntent: "", "optout", "optin" or "help"
    units: int | None = None
    media: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()  # the folded words of the text
    phrase: str = ""  # the words as one key
    person: str = ""  # the sender's canonical number

    @classmethod
    def of(
        cls,
        message_uuid: str,
        sender: str,
        to: str,
        text: str = "",
        type_: str = "sms",
        intent: str = "",
        units: int | None = None,
        media: tuple[str, ...] = (),
    ) -> Self:
        """Create a message from normalised addresses. Its text is folded here, once."""
        words = folding.words(text)
        phrase = " ".join([word.folded for word in words])
        return cls(
            message_uuid, sender, to, text, type_, intent, units, media, words, phrase, numbers.canonical(sender)
        )

    @classmethod
    def from_parameters(cls, parameters: Parameters) -> Self:
        """Parse an inbound message.

        Raises `Malformed` if MessageUUID, From or To is missing, an address is too long, or a field has two values.
        """
        fields = _read(parameters, _MESSAGE_FIELDS, required=("MessageUUID", "From", "To"))
        return cls.of(
            message_uuid=identifier(fields["MessageUUID"]),
            sender=_address(fields, "From"),
            to=_address(fields, "To"),
            text=fields.get("Text") or fields.get("Body", ""),  # Body: MMS and WhatsApp
            type_=fields.get("Type", "").strip().lower() or "sms",
            intent=fields.get("MessageIntent", "").strip().lower(),
            units=_whole(fields.get("Units")),
            # Media0.. or Media1..: Plivo's pages disagree, so any number
            media=tuple(
                [value for name, value in parameters if name[:5] == "Media" and name[5:].isdecimal() and value]
            ),
        )


@frozen
class DeliveryReport:
    """One delivery report: the fate of a message that we sent. Its parameters are kept as Plivo sent them."""

    id: str
    message_uuid: str
    status: str
    sender: str  # From: our number
    to: str  # the person who was texted
    sequence: int | None  # the order in which Plivo wrote the reports of one message
    error_code: str
    units: int | None
    in_reply_to: str | None  # the inbound MessageUUID, from the path of the callbackUrl
    parameters: Parameters

    @classmethod
    def from_parameters(cls, path: str, parameters: Parameters, digest: bytes | None = None) -> Self:
        """Parse a delivery report. `digest` is the `content_digest`, if it is known already.

        Raises `Malformed` if MessageUUID or Status is missing, an address is too long, or a field has two values.
        """
        fields = _read(parameters, _REPORT_FIELDS, required=("MessageUUID", "Status"))
        every = dict(reversed(parameters))  # the first value of a repeated field
        return cls(
            id=(digest or content_digest(path, parameters)).hex()[:32],
            message_uuid=identifier(fields["MessageUUID"]),
            status=fields["Status"].strip().lower(),
            sender=_address(fields, "From"),
            to=_address(fields, "To"),
            sequence=_whole(every.get("Sequence")),
            error_code=every.get("ErrorCode", ""),
            units=_whole(every.get("Units")),
            in_reply_to=path.removeprefix("/report").strip("/") or None,
            parameters=parameters,
        )


@frozen
class Outgoing:
    """One message to send, a `<Message>` of the XML: https://docs.plivo.com/docs/messaging/xml/message."""

    src: str
    dst: tuple[str, ...]
    text: str


def identifier(value: str) -> str:
    """Return the value if it is a valid MessageUUID or nonce. Raises `Malformed` otherwise."""
    if not IDENTIFIER.fullmatch(value):
        message = "a MessageUUID must match [A-Za-z0-9_-]{1,64}"
        raise Malformed(message)
    return value


def content_digest(path: str, parameters: Parameters) -> bytes:
    """Return the SHA-256 of path and parameters.

    Each part is preceded by its length in characters, so that different contents never give the same bytes.
    """
    pairs = [f"{len(name)}:{name}{len(value)}:{value}" for name, value in sorted(parameters)]
    content = f"{len(path)}:{path}{''.join(pairs)}"
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()


def _read(parameters: Parameters, names: frozenset[str], required: Collection[str]) -> dict[str, str]:
    """Return the named fields. Raises `Malformed` if a required one is missing or blank, or if one has two values."""
    fields: dict[str, str] = {}
    for name, value in parameters:
        if name in names and fields.setdefault(name, value) != value:
            message = f"{name} is given twice with different values"
            raise Malformed(message)
    if missing := [name for name in required if not fields.get(name, "").strip()]:
        message = f"required field missing: {', '.join(missing)}"
        raise Malformed(message)
    return fields


def _address(fields: dict[str, str], name: str) -> str:
    """Return the normalised address. Raises `Malformed` if it is too long: stores differ in what they accept."""
    value = fields.get(name, "")
    if len(value) > ADDRESS_LENGTH:
        message = f"{name} has {len(value)} characters; the limit is {ADDRESS_LENGTH}"
        raise Malformed(message)
    return numbers.normalise(value)


def _whole(value: str | None) -> int | None:
    """Return a whole number that fits a database integer, or None.

    A report is never refused because of such a field.
    """
    return int(value) if value and _SMALL.fullmatch(value) else None
