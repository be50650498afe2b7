"""The loggers of the service's packages, and where they send their events.

A logger of our own: every message logs one event on the event loop, where structlog's dispatch alone takes longer than
all that is done here.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from logging import CRITICAL, DEBUG, ERROR, INFO, WARNING
from typing import Any

from app.telemetry.events import new_event
from app.telemetry.formats import formatter
from app.telemetry.sinks import DirectSink, Sink
from app.telemetry.values import simplify


@dataclass(slots=True)
class Destination:
    """Where events go. There is one for all loggers of a process."""

    sink: Sink
    threshold: int  # events below this level are dropped


destination = Destination(DirectSink(sys.stderr, formatter("last4", console=True)), WARNING)


class Logger:
    """Logs an event with fields, and those that are bound to the logger.

    Nothing here raises. `exc_info` may be an exception, or True: the one that is being handled. Positional arguments
    are put into the event as by `%`.
    """

    __slots__ = ("_bound",)

    def __init__(self, bound: Mapping[str, Any]) -> None:
        self._bound = bound

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger with more fields."""
        simplify(fields)
        return Logger({**self._bound, **fields})

    def debug(self, event: str, /, *args: object, **fields: Any) -> None:
        """Log an event that is of interest while looking for a fault."""
        if destination.threshold <= DEBUG:
            self._log("debug", event, args, fields)

    def info(self, event: str, /, *args: object, **fields: Any) -> None:
        """Log an ordinary event."""
        if destination.threshold <= INFO:
            self._log("info", event, args, fields)

    def warning(self, event: str, /, *args: object, **fields: Any) -> None:
        """Log an event that somebody should look at."""
        if destination.threshold <= WARNING:
            self._log("warning", event, args, fields)

    def error(self, event: str, /, *args: object, **fields: Any) -> None:
        """Log a failure."""
        if destination.threshold <= ERROR:
            self._log("error", event, args, fields)

    def exception(self, event: str, /, *args: object, **fields: Any) -> None:
        """Log a failure with the place of the exception that is being handled."""
        self.error(event, *args, **{"exc_info": True, **fields})

    def critical(self, event: str, /, *args: object, **fields: Any) -> None:
        """Log a failure of the whole service."""
        if destination.threshold <= CRITICAL:
            self._log("critical", event, args, fields)

    def _log(self, level: str, event: str, args: tuple[object, ...], fields: dict[str, Any]) -> None:
        sink = destination.sink
        try:
            sink.put(new_event(level, event % args if args else event, self._bound, fields))
        except Exception:  # noqa: BLE001 - whatever an object of a rule does
            sink.lost.add(1)


def get_logger(name: str) -> Logger:
    """Return the logger of a package; its name is the field `logger` of each of its lines."""
    return Logger({"logger": name})
