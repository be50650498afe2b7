"""What Plivo says in a call, and how it reads the XML of the reply."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import httpx

from app.operations.errors import OperationFailed
from app.operations.send.values import SentReply, SimulatedMessage
from app.plivo import units
from app.plivo.messages import Parameters

PATHS = {  # what Plivo reports on the way to a final status
    "queued": ("queued",),
    "sent": ("queued", "sent"),
    "delivered": ("queued", "sent", "delivered"),
    "undelivered": ("queued", "sent", "undelivered"),
    "failed": ("queued", "failed"),
}
ERRORS = {"undelivered": "80", "failed": "300"}
_ATTRIBUTES = ("src", "dst", "callbackUrl", "callbackMethod")


def message_parameters(message: SimulatedMessage, message_uuid: str) -> Parameters:
    """Return the form fields of an inbound message."""
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


def report_parameters(reply: SentReply, destination: str, sent_uuid: str, status: str, sequence: int) -> Parameters:
    """Return the form fields of a delivery report."""
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


def read_reply(response: httpx.Response) -> Iterator[SentReply]:
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
