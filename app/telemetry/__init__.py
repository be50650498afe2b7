"""Logs: one structured line an event, in JSON or for a terminal.

G12: no line holds message text, and numbers show their last four digits only (`numbers = "full"` lifts that). The
rule is kept in one place: whoever logs a number does it under one of `NUMBER_KEYS`. Exceptions are told by type and
line, never by message; strings hold no control characters, URLs no query; no value takes more than 200 characters.

Logging never raises. `configure` writes at once, for commands; `serving` never makes the event loop wait for whoever
reads the log.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, TextIO

import structlog
from structlog.typing import Processor

from app.telemetry.hooks import log_warnings, nothing_printed, tell_loop_error
from app.telemetry.lines import LineLogger, Rendering, SinkHandler, tell_losses
from app.telemetry.logger import Logger, get_logger
from app.telemetry.processors import NUMBER_KEYS, Numbers, mask, preparing, rendering
from app.telemetry.sinks import CLOSE_SECONDS, Direct, Losses, Output, Queued, Sink, encode
from app.telemetry.values import place_of

__all__ = [
    "NUMBER_KEYS",
    "LogFormat",
    "Logger",
    "Losses",
    "Numbers",
    "close",
    "configure",
    "get_logger",
    "losses",
    "mask",
    "place_of",
    "say",
    "serving",
    "tell_loop_error",
]

LogFormat = Literal["auto", "json", "console"]

_sink: Sink = Direct(None)


def configure(
    log_format: LogFormat = "auto", level: str = "info", numbers: Numbers = "last4", stream: TextIO | None = None
) -> None:
    """Write lines at once, to stderr or `stream`."""
    stream = stream or sys.stderr
    _install(Direct(stream), preparing(numbers), rendering(console=_for_people(log_format, stream)), level)


@contextmanager
def serving(log_format: LogFormat, level: str, numbers: Numbers) -> Iterator[None]:
    """Write lines to stderr from a thread; what does not get out is counted. Nothing else is printed meanwhile."""
    prepare, render = preparing(numbers), rendering(console=_for_people(log_format, sys.stderr))
    sink = Queued(sys.stderr, partial(tell_losses, [*prepare, *render]))
    _install(sink, prepare, render, level)
    try:
        with nothing_printed():
            yield
    finally:
        sink.close()


def losses() -> Losses:
    """Return how many lines this process could not write."""
    return _sink.losses


def close(seconds: float = CLOSE_SECONDS) -> None:
    """Write what waits, for `seconds` at most; later lines are lost. Before a process leaves without cleaning up."""
    _sink.close(seconds)


def say(text: str) -> None:
    """Print a line for a person to stderr. Never raises, and waits a second at most for a reader."""
    printing = threading.Thread(target=Output(sys.stderr).write, args=([encode(text)],), daemon=True)
    printing.start()
    printing.join(CLOSE_SECONDS)


def _for_people(log_format: LogFormat, stream: TextIO | None) -> bool:
    return log_format == "console" or (log_format == "auto" and stream is not None and stream.isatty())


def _install(sink: Sink, prepare: list[Processor], render: list[Processor], level: str) -> None:
    """Send structlog, the standard library's loggers and warnings to a sink."""
    global _sink  # noqa: PLW0603 - logging is the process's, as structlog's configuration is
    _sink = sink
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[Rendering([*prepare, *render], sink.losses)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda: LineLogger(sink.put),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_library(sink, prepare, render, threshold)
    log_warnings()


def _adopt_standard_library(sink: Sink, prepare: list[Processor], render: list[Processor], threshold: int) -> None:
    handler = SinkHandler(sink)
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=prepare, processors=[remove_meta, *render])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))  # httpx and uvicorn log URLs and start-up chatter at INFO
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # anybody can make it warn
