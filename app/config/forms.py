"""How each type of value is written: in words, as a JSON Schema, with an example. For `schema` and `reference`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.config.fields import BYTES, SECONDS
from app.http_client import Secret
from app.notation import Notation
from app.plivo.messages import STATUSES
from app.plivo.signature import Token
from app.policies.limits import Rate
from app.settings import HostPort

Schema = dict[str, Any]

DURATION = r"\s*\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)"
DAY = r"\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True, slots=True)
class Form:
    """One type of value. `elsewhere`: whether { env } or { file } may stand for it."""

    words: str
    schema: Schema
    example: Any = None
    elsewhere: bool = True


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


FORMS: Mapping[Any, Form] = {
    Notation.DURATION: Form("a duration", _text(rf"(?:{DURATION})+\s*"), "10m"),
    Notation.SIZE: Form("a size", _text(r"\s*\d+\s*(?:B|KiB|MiB|GiB)\s*"), "256MiB"),
    Notation.HTTP_URL: Form("a URL", _text(r"[Hh][Tt][Tt][Pp][Ss]?://\S+"), "https://example.com/path"),
    Notation.PUBLIC_URL: Form("a URL", _text(r"https?://[^\s?#]+"), "https://sms.example.com"),
    Notation.ACCESS_TOKEN: Form("a text", {"type": "string", "pattern": r"\S"}, "a-long-random-text"),
    Notation.COUNTRY: Form("two letters", _text(r"\s*[A-Za-z]{2}\s*"), "FR"),
    Notation.ROUTE_NAME: Form("lower-case letters, digits and hyphens", _text("[a-z0-9-]+"), "support"),
    Notation.APPLICATION_NAME: Form(
        "letters, digits, hyphens and underscores", _text("[A-Za-z0-9_-]+"), "plivo-autoreply"
    ),
    Notation.HOST_NAME: Form(
        "the name of a host",
        _text(r"\s*(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])\s*"),
        "sms-admin.example.com",
    ),
    Notation.LISTEN_HOST: Form(
        "an IP address, or the name of a host",
        _text(r"\s*(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%\w+)?\]?)\s*"),
        "192.0.2.10",
    ),
    Notation.STATUS: Form("a status of a message", {"enum": sorted(STATUSES)}, "delivered"),
    HostPort: Form("a host and a port", _text(r"\s*(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):\d{1,5}\s*"), "127.0.0.1:9090"),
    Rate: Form("a limit", _text(rf"\s*0*[1-9]\d*\s*/(?:{DURATION})+\s*"), "30/1h"),
    Secret: Form("a Standard Webhooks secret", _text(r"whsec_[A-Za-z0-9+/]+=*"), "whsec_.."),
    Token: Form("a text", {"type": "string", "pattern": r"\S"}, "a-token"),
    str: Form("a text", {"type": "string"}, "a text"),
    date: Form("a day", _text(rf"{DAY}"), "2026-12-24"),
    datetime: Form(
        "a date and time with an offset",
        {"type": "string", "format": "date-time"},
        datetime.fromisoformat("2026-03-02T10:00:00+01:00"),
        elsewhere=False,
    ),
    bool: Form("true or false", {"type": "boolean"}, True, elsewhere=False),
    int: Form("a whole number", {"type": "integer"}, 10, elsewhere=False),
}


def written_duration(seconds: float) -> str:
    """A duration as the file writes it, in the largest unit that divides it."""
    for unit, size in reversed(SECONDS.items()):
        if seconds and (seconds / size).is_integer() and (unit != "ms" or seconds < 1):
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


def written_size(size: int) -> str:
    """A size as the file writes it, in the largest unit that divides it."""
    unit, factor = next(one for one in reversed(BYTES.items()) if (size and size % one[1] == 0) or one[1] == 1)
    return f"{size // factor}{unit}"


def written(value: Any, notation: Any) -> Any:
    """A value of a dataclass as the file writes it."""
    if isinstance(value, tuple) and not isinstance(value, HostPort):
        return [written(one, notation) for one in value]
    if isinstance(value, Rate | HostPort):
        return str(value)
    if notation is Notation.DURATION and value is not None:
        return written_duration(value)
    if notation is Notation.SIZE and value is not None:
        return written_size(value)
    return value
