"""Events of the log, in a form that a sink can keep for a while and write in another thread.

An event holds short, immutable values, so a queue of events is limited in size. An exception is converted to text at
once: its traceback would keep local variables alive, and its message may contain a customer's words.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.telemetry.tracebacks import describe
from app.telemetry.values import shorten_text, simplify, text_of

LINE_SIZE = 80  # characters of time, level and braces


class Event(NamedTuple):
    """One line of the log. `size` is approximately its length in characters."""

    time: float  # when it happened, in seconds since the epoch
    level: str
    text: str
    fields: Mapping[str, Any]
    size: int


def new_event(level: str, text: object, fields: dict[str, Any], happened_at: float | None = None) -> Event:
    """Return an event that happens now, or `happened_at`.

    It takes ownership of `fields`, and shortens them in place.
    """
    error = fields.pop("exc_info", None)
    size = LINE_SIZE + simplify(fields)
    if error and (trace := describe(_exception(error))):
        fields["exception"] = trace
        size += len(trace)
    text = shorten_text(text_of(text))
    return Event(happened_at or time.time(), level, text, fields, size + len(text))


def _exception(exc_info: object) -> object:
    """Return the exception of `exc_info`: an exception, the standard library's tuple, or True for the current one."""
    if isinstance(exc_info, tuple):
        return exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
