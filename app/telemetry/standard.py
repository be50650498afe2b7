"""Send the log lines of libraries, which use the standard library's `logging`, to a sink."""

import logging
from typing import Any

from app.telemetry.events import new_event
from app.telemetry.sinks import Sink


class SinkHandler(logging.Handler):
    """A handler that sends the standard library's records to a sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as lost. `logging` itself would print the error."""
        fields: dict[str, Any] = {"logger": record.name, "exc_info": record.exc_info}
        try:
            self._sink.put(new_event(record.levelname.lower(), record.getMessage(), fields, record.created))
        except Exception:  # noqa: BLE001 - the record may raise anything
            self._sink.lost.add(1)


def adopt_standard_library(sink: Sink, threshold: int) -> None:
    """Make `sink` the only destination of what libraries log: warnings and worse, unless `threshold` is higher."""
    root = logging.getLogger()
    root.handlers[:] = [SinkHandler(sink)]
    root.setLevel(max(threshold, logging.WARNING))  # httpx and uvicorn log URLs and start-up chatter at INFO
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # any request can make it warn
