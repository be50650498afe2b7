"""Logs: one structured line an event, in JSON or for a terminal.

Law 12: no line holds message text, and numbers show their last four digits only (`numbers = "full"`
lifts that). The rule is kept in one place: whoever logs a number does it under one of `NUMBER_KEYS`.
Tracebacks hold no local variables, strings no control characters, URLs no query.
"""

import io
import logging
import re
import sys
from typing import Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

NUMBER_KEYS = ("from", "to")
SHOWN_DIGITS = 4

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
    ]
    tail: list[Processor] = _console_tail() if terminal else _json_tail()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_library(shared, tail, threshold, stream)


def _console_tail() -> list[Processor]:
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=_traceback)]


def _traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """structlog's plain traceback; a message in it may hold what drives a terminal (JSON escapes by itself)."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    stream.write("\n".join(map(_escaped, plain.getvalue().split("\n"))))


def _json_tail() -> list[Processor]:
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]


def _adopt_standard_library(shared: list[Processor], tail: list[Processor], threshold: int, stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *tail]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))  # httpx and uvicorn log URLs and start-up chatter at INFO


def _mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in NUMBER_KEYS:
        if key in event:
            event[key] = mask(str(event[key]))
    return event


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            event[key] = _escaped(value)
    return event


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
