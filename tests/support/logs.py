"""What our loggers say, without writing it."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import DEBUG
from typing import Any

from app.telemetry.events import Event
from app.telemetry.logger import destination, send_to
from app.telemetry.sinks import LostLines


class _Recorder:
    """A sink that keeps the fields of events."""

    def __init__(self) -> None:
        self.lost = LostLines()
        self.entries: list[dict[str, Any]] = []

    def put(self, event: Event) -> None:
        """Keep an event."""
        self.entries.append({**event.fields, "event": event.text, "log_level": event.level})

    def close(self, seconds: float = 0) -> None:
        """Do nothing."""


@contextmanager
def capture_logs() -> Iterator[list[dict[str, Any]]]:
    """Collect the events of every level, as their loggers pass them on."""
    before = destination.sink, destination.threshold
    recorder = _Recorder()
    send_to(recorder, DEBUG)
    try:
        yield recorder.entries
    finally:
        send_to(*before)
