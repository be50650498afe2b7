"""The form of the phone: its fields, and the conversation that it carries, so that nothing has to be stored.

Whatever comes back is read as carefully as if a stranger had written it.
"""

import base64
import binascii
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any

from app.operations.addresses import ReadAddress, read_number, read_sender
from app.operations.errors import OperationRefused
from app.operations.phone import TURNS, Incoming
from app.plivo.messages import ADDRESS_LENGTH
from app.plivo.numbers import normalise

GIVEN = "given-"  # and the name of a rule
_BROKEN = "the conversation of this form cannot be read; it begins anew"


def pack(conversation: Iterable[Incoming]) -> str:
    """Return a conversation as the hidden field of a form."""
    return base64.urlsafe_b64encode(
        json.dumps([asdict(one) for one in conversation], ensure_ascii=False).encode()
    ).decode()


def unpack(text: str) -> list[Incoming]:
    """Return the conversation of a hidden field. Raises `OperationRefused` unless it is one that `pack` could make."""
    if not text:
        return []
    try:
        rows = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
        return [_incoming(row) for row in rows[:TURNS]]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise OperationRefused(_BROKEN) from None


def _incoming(row: Mapping[str, Any]) -> Incoming:
    """Return one message. Raises `ValueError`, `TypeError` or `KeyError`."""
    one = Incoming(**row)
    if not isinstance(one.given, dict):
        raise TypeError
    texts: Sequence[Any] = (one.sender, one.to, one.text, *one.given.keys(), *one.given.values())
    is_time = isinstance(one.at, int | float) and not isinstance(one.at, bool)
    if not is_time or not all(isinstance(text, str) for text in texts):
        raise TypeError
    for address in (one.sender, one.to):
        if not address or len(address) > ADDRESS_LENGTH or normalise(address) != address:
            raise ValueError
    "".join(texts).encode()  # no half of a surrogate pair
    return one


def read_incoming(fields: Mapping[str, str], read: ReadAddress, zone: tzinfo) -> Incoming:
    """Return the message that a form says. Raises `OperationRefused`."""
    to = read_number(fields.get("to", ""), read).address
    sender = read_sender(fields.get("from", ""), read).address
    text = fields.get("text", "").replace("\r\n", "\n")
    if not text.strip():
        raise OperationRefused("write a text first")
    given = {name.removeprefix(GIVEN): value for name, value in fields.items() if name.startswith(GIVEN) and value}
    return Incoming(sender, to, text, _read_time(fields.get("at", ""), zone), given)


def _read_time(text: str, zone: tzinfo) -> float:
    """Return a time in seconds since the epoch; now, if there is none. Raises `OperationRefused`."""
    if not text:
        return time.time()
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise OperationRefused(f"{text!r} is no time; write it as 2026-03-02T10:00") from None
