"""Replies as Plivo XML: https://docs.plivo.com/docs/messaging/xml/message.

Any XML parser reads back the exact text, except for the characters that XML 1.0 forbids, which are removed. Nothing is
padded, because it is not known whether Plivo trims texts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from app.plivo.messages import Outgoing


@dataclass(frozen=True, slots=True)
class Callback:
    """Where and how Plivo reports the fate of a reply. The inbound MessageUUID is appended to the URL."""

    url: str
    method: str


EMPTY = b"<Response/>"  # no reply; Plivo's SDKs print the same for a response without a message

# everything outside of https://www.w3.org/TR/xml/#charsets, lone surrogates included
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT = {"\r": "&#13;"}
_ATTRIBUTE = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
_PLAIN = re.compile(r"[A-Za-z0-9 .,;:/?!_+=()%'@#*$-]*")  # nothing to remove or escape
_HEAD = '<?xml version="1.0" encoding="UTF-8"?><Response>'


def clean(text: str) -> str:
    """Return the text without the characters that XML 1.0 forbids."""
    return _FORBIDDEN.sub("", text)


def render(messages: Sequence[Outgoing], callback_url: str, callback_method: str) -> bytes:
    """Return the XML of these messages.

    A carriage return becomes a character reference, because parsers change a bare one.
    """
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


def reduced(xml: bytes, kept: Sequence[Outgoing]) -> bytes:
    """Return XML that `render` wrote, with only the messages that are kept. Where reports go does not change."""
    first = ET.fromstring(xml)[0].attrib  # noqa: S314 - `render` wrote it
    return render(kept, first["callbackUrl"], first["callbackMethod"])


def parse(xml: bytes) -> tuple[Outgoing, ...]:
    """Return the messages of XML that `render` wrote. Empty XML, of an answer no longer kept, has none."""
    return tuple(
        Outgoing(element.get("src", ""), tuple(element.get("dst", "").split("<")), element.text or "")
        for element in (ET.fromstring(xml) if xml else ())  # noqa: S314 - `render` wrote it
    )


def _escaped(value: str, entities: dict[str, str]) -> str:
    return value if _PLAIN.fullmatch(value) else escape(clean(value), entities)
