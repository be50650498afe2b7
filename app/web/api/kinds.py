"""The kinds of values that callers send: how each is read from a query and from JSON, and its JSON Schema.

Every reader raises `Unreadable` with the words that the caller gets.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

Moment = NewType("Moment", float)  # seconds since the epoch
Number = NewType("Number", str)  # a phone number as people write it
Age = NewType("Age", float)  # seconds

Schema = dict[str, Any]
LONGEST = 20_000  # characters of a text
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AGE = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


class Unreadable(Exception):
    """What is wrong with a value."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: its schema, and its readers."""

    schema: Schema
    from_text: Callable[[str], Any]
    from_json: Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable("must be a string")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Unreadable("must not contain U+0000 or half a surrogate pair")
    if len(value) > LONGEST:
        raise Unreadable(f"has {len(value)} characters; the limit is {LONGEST}")
    return value


def _number(value: Any) -> str:
    """Read a number. In a query a literal "+" arrives as a blank."""
    text = _text(value)
    return f"+{text[1:]}" if text.startswith(" ") else text


def _moment(value: Any) -> float:
    text = _text(value).replace(" ", "+")  # as for numbers
    try:
        found = datetime.fromisoformat(text)
        seconds = found.timestamp() if found.tzinfo else None
    except (ValueError, OverflowError):
        seconds = None
    if seconds is None:
        raise Unreadable("must be a time with its offset, as 2026-03-02T09:00:00Z")
    return seconds


def _age(value: Any) -> float:
    found = _AGE.fullmatch(_text(value))
    if not found:
        raise Unreadable('must be a duration, as "90s", "2h" or "30d"')
    return int(found[1]) * UNITS[found[2]]


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable("must be a whole number")
    return value


def _whole_in_text(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise Unreadable("must be a whole number")
    return int(text)


def _real(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Unreadable("must be a number")
    return float(value)


def _real_in_text(_: str) -> float:
    raise Unreadable("must be a number")


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unreadable("must be true or false")
    return value


def _truth_in_text(text: str) -> bool:
    if text not in ("true", "false"):
        raise Unreadable("must be true or false")
    return text == "true"


def _texts(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise Unreadable("must be an object of strings")
    return {_text(name): _text(one) for name, one in value.items()}


def _object_in_text(_: str) -> Mapping[str, str]:
    raise Unreadable("must be an object")


TEXT = {"type": "string", "maxLength": LONGEST}
KINDS: Mapping[Any, Kind] = {
    str: Kind(TEXT, _text, _text),
    Number: Kind(TEXT, _number, _number),
    Moment: Kind({"type": "string", "format": "date-time"}, _moment, _moment),
    Age: Kind({"type": "string", "pattern": r"^\d{1,9}[smhd]$"}, _age, _age),
    int: Kind({"type": "integer"}, _whole_in_text, _whole),
    float: Kind({"type": "number"}, _real_in_text, _real),
    bool: Kind({"type": "boolean"}, _truth_in_text, _truth),
    Mapping[str, str]: Kind({"type": "object", "additionalProperties": TEXT}, _object_in_text, _texts),
}
