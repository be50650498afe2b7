"""The loggers of the service's packages: structlog's, which hand each event to the sink of the process."""

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
    """Where events go. There is one for all loggers of a process."""

    sink: Sink
    threshold: int  # events below this level are dropped


@dataclass(frozen=True, slots=True)
class NamedLogger:
    """What structlog wraps and hands a finished event, whatever its level."""

    name: str

    def put(self, event: Event) -> None:
        """Hand the event to the sink that is in use now."""
        destination.sink.put(event)

    debug = info = warning = error = critical = put


destination = Destination(DirectSink(sys.stderr, formatter("last4", console=True)), WARNING)


def get_logger(name: str) -> Logger:
    """Return the logger of a package; its name is the field `logger` of each of its lines."""
    return cast("Logger", structlog.get_logger(name))


def send_to(sink: Sink, threshold: int) -> None:
    """Send the events of all loggers to a sink, but for those below a level."""
    destination.sink, destination.threshold = sink, threshold
    structlog.configure(
        processors=[_to_event],  # the one: values are shortened here, and written by the sink
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=NamedLogger,
    )


def _to_event(logger: WrappedLogger, level: str, fields: EventDict) -> Any:
    """Return the event as the arguments of `put`. Raises `DropEvent` for what cannot be read, which is a lost line."""
    try:
        return (new_event(level, fields.pop("event"), {"logger": logger.name, **fields}),), {}
    except Exception:  # noqa: BLE001 - whatever an object of a rule does
        destination.sink.lost.add(1)
        raise structlog.DropEvent from None


send_to(destination.sink, destination.threshold)
