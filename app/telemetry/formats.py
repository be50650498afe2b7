"""Format an event as one line: JSON for machines, or text for a terminal."""

import json
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Literal

from app.telemetry.events import Event

Numbers = Literal["last4", "full"]
Format = Callable[[Event], str]

NUMBER_KEYS = ("from", "to")
SHOWN_DIGITS = 4
LEVEL_WIDTH = 8  # "critical"
TEXT_WIDTH = 30


def formatter(numbers: Numbers, *, console: bool) -> Format:
    """Return the function that formats an event, without the end of the line."""
    masked = () if numbers == "full" else NUMBER_KEYS
    return partial(_line, masked, _console if console else _encode)


def mask(address: str) -> str:
    """Return an address in the form in which a log may contain it."""
    return address if len(address) <= SHOWN_DIGITS else f"..{address[-SHOWN_DIGITS:]}"


def _line(masked: tuple[str, ...], write: Callable[[dict[str, Any]], str], event: Event) -> str:
    head = {"timestamp": _timestamp(event.time), "level": event.level, "event": event.text}
    line = {**head, **event.fields, **head}  # the head first, even if a field has one of its names
    for key in masked:
        if key in line:
            line[key] = mask(str(line[key]))
    return write(line)


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _console(line: dict[str, Any]) -> str:
    timestamp, level, text = line.pop("timestamp"), line.pop("level"), line.pop("event")
    exception = line.pop("exception", "")
    pairs = " ".join(f"{key}={_shown(value)}" for key, value in line.items())
    first = f"{timestamp} [{level:<{LEVEL_WIDTH}}] {text:<{TEXT_WIDTH}} {pairs}".rstrip()
    return f"{first}\n{exception}" if exception else first


def _shown(value: object) -> str:
    """Return a value as text, quoted if its end would not be clear."""
    plain = isinstance(value, str) and value and not any(mark in value for mark in " =\"'")
    return str(value) if plain else repr(value)


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1e6):06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
