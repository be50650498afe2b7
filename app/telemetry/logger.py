"""The loggers of the service's packages. They are structlog's, and send each event to the sink of the process."""

import sys
from dataclasses import dataclass
from logging import WARNING
from typing import Any, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from app.telemetry.events import Event, new_event
from app.telemetry.formats import formatter
from app.telemetry.sinks import DirectSink, Sink

Logger = FilteringBoundLogger


@dataclass(slots=True)
class Destination:
    """The sink of all loggers of a process, and their level."""

    sink: Sink
    threshold: int  # events below this level are dropped


@dataclass(frozen=True, slots=True)
class NamedLogger:
    """The logger that structlog wraps. It gets each finished event, whatever the level."""

    name: str

    def put(self, event: Event) -> None:
        """Send the event to the current sink."""
        destination.sink.put(event)

    debug = info = warning = error = critical = put


destination = Destination(DirectSink(sys.stderr, formatter("last4", console=True)), WARNING)


def get_logger(name: str) -> Logger:
    """Return the logger of a package. Its name is the field `logger` of each of its lines."""
    return cast("Logger", structlog.get_logger(name))


def send_to(sink: Sink, threshold: int) -> None:
    """Send the events of all loggers to a sink, except for those below a level."""
    destination.sink, destination.threshold = sink, threshold
    structlog.configure(
        processors=[_to_event],  # the only one: it shortens values, and the sink formats them
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=NamedLogger,
    )


def _to_event(logger: WrappedLogger, level: str, fields: EventDict) -> Any:
    """Return the event as arguments of `put`. Raises `DropEvent` and counts a lost line if a value cannot be read."""
    try:
        return (new_event(level, fields.pop("event"), {"logger": logger.name, **fields}),), {}
    except Exception:  # noqa: BLE001 - an object of a rule may raise anything
        destination.sink.lost.add(1)
        raise structlog.DropEvent from None


send_to(destination.sink, destination.threshold)
