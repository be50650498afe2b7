"""Turn an event into one line of text: what is added to it, what is taken away, and how it is written."""

import sys
from collections import deque
from collections.abc import Iterator
from traceback import walk_tb
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.telemetry.values import shorten, shorten_text

Numbers = Literal["last4", "full"]

NUMBER_KEYS = ("from", "to")
SHOWN_DIGITS = 4
TRACE_LINES = 60  # of an exception and its causes
FRAMES = 20  # of one exception, the innermost


def mask(address: str) -> str:
    """An address as a log may hold it."""
    return address if len(address) <= SHOWN_DIGITS else f"..{address[-SHOWN_DIGITS:]}"


def preparing(numbers: Numbers) -> list[Processor]:
    """Return what completes an event, whichever logger it comes from."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if numbers == "full" else [_mask_numbers]),
    ]


def rendering(*, console: bool) -> list[Processor]:
    """Return what writes a complete event: short values, exceptions without messages, JSON or text for a terminal."""
    if console:
        return [_shorten_values, _write_exception, structlog.dev.ConsoleRenderer(colors=False)]
    return [_shorten_values, _write_exception, _in_order, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in NUMBER_KEYS:
        if key in event:
            event[key] = mask(str(event[key]))
    return event


def _shorten_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: value if key == "exc_info" else shorten(value) for key, value in event.items()}


def _write_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Types and lines of an exception and of what caused it: its message may hold a customer's words."""
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_trace(error))
    return event


def _trace(error: BaseException | None) -> Iterator[str]:
    """Yield at most `TRACE_LINES` lines; source files are not read, which would block the event loop."""
    count = 0
    while error is not None and count < TRACE_LINES:
        frames = deque(walk_tb(error.__traceback__), maxlen=FRAMES)
        for frame, line in frames:
            yield shorten_text(f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}")
        yield shorten_text(f"{type(error).__module__}.{type(error).__qualname__}")
        count += len(frames) + 1
        error = _cause(error)


def _cause(error: BaseException) -> BaseException | None:
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    return inner or error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What a reader looks for first comes first."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}
