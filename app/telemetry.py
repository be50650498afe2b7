"""Logs: one structured line an event, in JSON or for a terminal.

Law 12: no line holds message text, and numbers show their last four digits only (`numbers = "full"`
lifts that). The rule is kept in one place: whoever logs a number does it under one of `NUMBER_KEYS`.
Exceptions are told by type and line, never by message; strings hold no control characters, URLs no query.
"""

import logging
import re
import sys
import traceback
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

NUMBER_KEYS = ("from", "to")
SHOWN_DIGITS = 4
TRACE_LINES = 60

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

LogFormat = Literal["auto", "json", "console"]
Numbers = Literal["last4", "full"]
Logger = FilteringBoundLogger


def get_logger(room: str) -> Logger:
    """The logger of a room."""
    return cast("Logger", structlog.get_logger(room=room))


def mask(address: str) -> str:
    """An address as a log may hold it."""
    return address if len(address) <= SHOWN_DIGITS else f"..{address[-SHOWN_DIGITS:]}"


def place_of(error: BaseException) -> str:
    """Type and line of an error raised by somebody's code; its message may hold a customer's words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


def configure(
    log_format: LogFormat = "auto", level: str = "info", numbers: Numbers = "last4", stream: TextIO | None = None
) -> None:
    """Sets up structlog, and the standard library's loggers to speak through it."""
    stream = stream or sys.stderr
    terminal = log_format == "console" or (log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if numbers == "full" else [_mask_numbers]),
        _escape_controls,
        _write_exception,
    ]
    console = structlog.dev.ConsoleRenderer(colors=False)
    tail: list[Processor] = [console] if terminal else [_in_order, structlog.processors.JSONRenderer()]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_library(shared, tail, threshold, stream)


def _adopt_standard_library(shared: list[Processor], tail: list[Processor], threshold: int, stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *tail]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))  # httpx and uvicorn log URLs and start-up chatter at INFO
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # anybody can make it warn


def tell_loop_error(_loop: object, context: dict[str, Any]) -> None:
    """For `loop.set_exception_handler`: asyncio's own line holds the message of an exception, which may be a text."""
    error = context.get("exception")
    where = place_of(error) if isinstance(error, BaseException) else None
    get_logger("asyncio").error("a task ended with an error that nobody asked for", error=where)


def _mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in NUMBER_KEYS:
        if key in event:
            event[key] = mask(str(event[key]))
    return event


def _write_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Types and lines of an exception and of what caused it: its message may hold a customer's words."""
    error = event.pop("exc_info", None)
    error = sys.exc_info()[1] if error is True else error[1] if isinstance(error, tuple) else error
    lines: list[str] = []
    while isinstance(error, BaseException) and len(lines) < TRACE_LINES:
        lines += [
            f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {**event, "exception": "\n".join(lines)} if lines else event


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What a reader looks for first comes first."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            event[key] = _escaped(value)
    return event


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
