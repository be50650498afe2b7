"""The loggers of the service's packages: an event and its fields, sent to the sink of the process.

They have the methods that structlog's loggers have. That library cost 20 MB and 90 ms to import, and more for each line
than the rest of the way to the sink; everything but these methods was already written here.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from logging import CRITICAL, DEBUG, ERROR, INFO, WARNING
from typing import Any

from app.telemetry.events import new_event
from app.telemetry.formats import formatter
from app.telemetry.sinks import DirectSink, Sink


@dataclass(slots=True)
class Destination:
    """Where events go, the same for all loggers of a process."""

    sink: Sink
    threshold: int  # events below this level are dropped


destination = Destination(DirectSink(sys.stderr, formatter("last4", console=True)), WARNING)


@dataclass(frozen=True, slots=True)
class Logger:
    """A logger whose lines have these fields, and those of each event. No method raises or waits."""

    fields: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger with more fields."""
        return Logger({**self.fields, **fields})

    def debug(self, event: object, **fields: Any) -> None:
        """Log what helps to debug."""
        self._log(DEBUG, "debug", event, fields)

    def info(self, event: object, **fields: Any) -> None:
        """Log what happened as it should."""
        if destination.threshold <= INFO:  # asked here, too: no line is written as often
            self._log(INFO, "info", event, fields)

    def warning(self, event: object, **fields: Any) -> None:
        """Log what may need attention."""
        self._log(WARNING, "warning", event, fields)

    def error(self, event: object, **fields: Any) -> None:
        """Log what went wrong. `exc_info` is an exception, or True for the current one."""
        self._log(ERROR, "error", event, fields)

    def exception(self, event: object, **fields: Any) -> None:
        """Log what went wrong, with the current exception."""
        self._log(ERROR, "error", event, {"exc_info": True, **fields})

    def critical(self, event: object, **fields: Any) -> None:
        """Log what stops the service."""
        self._log(CRITICAL, "critical", event, fields)

    def _log(self, level: int, name: str, event: object, fields: dict[str, Any]) -> None:
        if level < destination.threshold:
            return
        try:
            destination.sink.put(new_event(name, event, {**self.fields, **fields}))
        except Exception:  # noqa: BLE001 - whatever an object of a rule does: the line is lost, and counted
            destination.sink.lost.add(1)


def get_logger(name: str) -> Logger:
    """Return the logger of a package; its name is the field `logger` of each of its lines."""
    return Logger({"logger": name})


def send_to(sink: Sink, threshold: int) -> None:
    """Send the events of all loggers to a sink, except those below a level."""
    destination.sink, destination.threshold = sink, threshold
