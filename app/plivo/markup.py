"""An answer as Plivo XML: https://docs.plivo.com/docs/messaging/xml/message.

The text survives any XML parser exactly, but for the characters that XML 1.0 forbids, which are
removed. Nothing is padded: whether Plivo trims is not known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from app.plivo.messages import Outgoing


@dataclass(frozen=True, slots=True)
class Callback:
    """Where Plivo shall report the fate of a reply; the inbound MessageUUID follows the URL."""

    url: str
    method: str


EMPTY = b"<Response/>"  # silence: what Plivo's SDKs print for a response without a message

# https://www.w3.org/TR/xml/#charsets: everything else, lone surrogates included
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT = {"\r": "&#13;"}
_ATTRIBUTE = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
_PLAIN = re.compile(r"[A-Za-z0-9 .,;:/?!_+=()%'@#*$-]*")  # nothing to clean or to escape
_HEAD = '<?xml version="1.0" encoding="UTF-8"?><Response>'


def clean(text: str) -> str:
    """The text without the characters that no XML 1.0 document can hold."""
    return _FORBIDDEN.sub("", text)


def render(messages: Sequence[Outgoing], callback_url: str, callback_method: str) -> bytes:
    """The XML of these messages. A carriage return is written as a reference: parsers change a bare one."""
    if not messages:
        return EMPTY
    tail = f'" type="sms" callbackUrl="{_escaped(callback_url, _ATTRIBUTE)}" callbackMethod="{callback_method}">'
    body = "".join(
        [
            f'<Message src="{_escaped(message.src, _ATTRIBUTE)}" dst="{_escaped("<".join(message.dst), _ATTRIBUTE)}'
            f"{tail}{_escaped(message.text, _TEXT)}</Message>"
            for message in messages
        ]
    )
    return f"{_HEAD}{body}</Response>".encode()


def parse(xml: bytes) -> tuple[Outgoing, ...]:
    """The messages of an answer that `render` wrote; none of one that is not kept any more."""
    return tuple(
        Outgoing(element.get("src", ""), tuple(element.get("dst", "").split("<")), element.text or "")
        for element in (ET.fromstring(xml) if xml else ())  # noqa: S314 - our own
    )


def _escaped(value: str, entities: dict[str, str]) -> str:
    return value if _PLAIN.fullmatch(value) else escape(clean(value), entities)
