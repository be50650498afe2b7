"""Format an event as one line: JSON for machines, or text for people."""

import re
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Literal

from app.telemetry.console import Terminal, write_fitting, write_plain
from app.telemetry.events import Event

Numbers = Literal["last4", "full"]
Format = Callable[[Event], str]

NUMBER_KEYS = ("from", "to")
SHOWN_DIGITS = 4
_NUMBER = re.compile(r"\+?\d(?:[ ().-]?\d){6,}")


def formatter(numbers: Numbers, *, console: bool, terminal: Terminal | None = None) -> Format:
    """Return the function that formats an event, without the end of the line.

    The text for people fits the width of `terminal`; None: they read it elsewhere.
    """
    masked = () if numbers == "full" else NUMBER_KEYS
    if not console:
        from pydantic_core import to_json  # noqa: PLC0415 - most commands write no JSON

        return lambda event: to_json(_fields(masked, event)).decode()  # in a fifth of the standard library's time
    return partial(_text, masked) if terminal is None else partial(_fitting, masked, terminal)


def mask(address: str) -> str:
    """Return an address in the form in which a log may contain it."""
    return address if len(address) <= SHOWN_DIGITS else f"..{address[-SHOWN_DIGITS:]}"


def mask_numbers(text: str) -> str:
    """Return a text with only the last four digits of the phone numbers in it."""
    return _NUMBER.sub(lambda found: mask(re.sub(r"[^0-9]", "", found[0])), text)


def _text(masked: tuple[str, ...], event: Event) -> str:
    return write_plain(_fields(masked, event))


def _fitting(masked: tuple[str, ...], terminal: Terminal, event: Event) -> str:
    return write_fitting(_fields(masked, event), terminal, event.time)


def _fields(masked: tuple[str, ...], event: Event) -> dict[str, Any]:
    head = {"timestamp": _timestamp(event.time), "level": event.level, "event": event.text}
    line = {**head, **event.fields, **head}  # the head first, even if a field has one of its names
    for key in masked:
        if key in line:
            line[key] = mask(str(line[key]))
    return line


def _timestamp(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1e6):06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
