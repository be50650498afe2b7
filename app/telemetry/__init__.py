"""The log: one structured line for each event, as JSON or for a terminal.

These rules hold for every call of every logger, whatever it is given:

* It never raises. In the service it also never waits: not for a reader, a disk, or the encoding of JSON. What cannot be
  written is dropped and counted (`lost_lines`). Waiting events are limited in number and size, and stay in order.
* G12: no line contains message text, and numbers show only their last four digits (`numbers = "full"` lifts that). Only
  `formats.py` masks numbers, so a number must be logged under one of `NUMBER_KEYS`.
* A value takes at most about 200 characters and contains no control characters. Exceptions are described by types,
  files and lines, never by a message or a local variable.
* The time of a line is the time of the event.

`configure` writes at once, for commands. `serving` writes from a thread, for the service. Lines of the standard
library's loggers, Python's warnings, and the places of code that prints go the same way.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

from app.telemetry.console import Terminal
from app.telemetry.formats import NUMBER_KEYS, Format, Numbers, formatter, mask, mask_numbers
from app.telemetry.hooks import log_loop_error, log_warnings, nothing_printed
from app.telemetry.logger import Logger, destination, get_logger, send_to
from app.telemetry.output import Output, encode
from app.telemetry.sinks import CLOSE_SECONDS, DirectSink, LostLines, QueuedSink, Sink
from app.telemetry.standard import adopt_standard_library
from app.telemetry.values import place_of

__all__ = [
    "NUMBER_KEYS",
    "LogFormat",
    "Logger",
    "LostLines",
    "Numbers",
    "close",
    "configure",
    "get_logger",
    "log_loop_error",
    "lost_lines",
    "mask",
    "mask_numbers",
    "place_of",
    "say",
    "serving",
]

LogFormat = Literal["auto", "json", "console"]


def configure(
    log_format: LogFormat = "auto", level: str = "info", numbers: Numbers = "last4", stream: TextIO | None = None
) -> None:
    """Write lines at once, to stderr or `stream`."""
    stream = stream or sys.stderr
    _send_to(DirectSink(stream, _formatter(log_format, numbers, stream)), level)


@contextmanager
def serving(log_format: LogFormat, level: str, numbers: Numbers) -> Iterator[None]:
    """Write lines to stderr from a thread, and count those that are lost. Nothing else is printed meanwhile."""
    sink = QueuedSink(sys.stderr, _formatter(log_format, numbers, sys.stderr))
    _send_to(sink, level)
    try:
        with nothing_printed():
            yield
    finally:
        sink.close()


def lost_lines() -> LostLines:
    """Return how many lines this process could not write."""
    return destination.sink.lost


def close(seconds: float = CLOSE_SECONDS) -> None:
    """Write the waiting lines, for at most `seconds`.

    Later lines are lost. For a process that exits without cleaning up.
    """
    destination.sink.close(seconds)


def say(text: str) -> None:
    """Print a line for a person to stderr. Never raises, and waits at most a second for a reader."""
    printing = threading.Thread(target=Output(sys.stderr).write, args=([encode(text)],), daemon=True)
    printing.start()
    printing.join(CLOSE_SECONDS)


def _formatter(log_format: LogFormat, numbers: Numbers, stream: TextIO | None) -> Format:
    terminal = Terminal(stream) if stream is not None and stream.isatty() else None
    console = log_format == "console" or (log_format == "auto" and terminal is not None)
    return formatter(numbers, console=console, terminal=terminal)


def _send_to(sink: Sink, level: str) -> None:
    """Send all events to a sink, including those of the standard library's loggers and warnings."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    send_to(sink, threshold)
    adopt_standard_library(sink, threshold)
    log_warnings()
