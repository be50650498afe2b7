"""Connect structlog and the standard library to a sink. An event that cannot be rendered is a lost line, no error."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.telemetry.sinks import Losses, Sink


class LineLogger:
    """What structlog hands a finished line to: every level is the same function."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self.msg = self.debug = self.info = self.warning = self.error = self.critical = put
        self.warn = self.exception = self.fatal = self.failure = self.err = self.log = put


class Rendering:
    """Runs processors one after the other. A failure, such as an object that has no `len`, drops the event."""

    def __init__(self, processors: Sequence[Processor], losses: Losses) -> None:
        self._processors, self._losses = processors, losses

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> Any:
        """Return the line. Raises structlog's `DropEvent`."""
        try:
            return _run(self._processors, logger, method, event)
        except Exception:  # noqa: BLE001 - whatever an object of a rule does
            self._losses.add(1)
            raise structlog.DropEvent from None


class SinkHandler(logging.Handler):
    """Hands the standard library's records to a sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it as lost; `logging` itself would print what went wrong."""
        try:
            self._sink.put(self.format(record))
        except Exception:  # noqa: BLE001 - whatever is wrong with the record
            self._sink.losses.add(1)


def tell_losses(processors: Sequence[Processor], count: int) -> str:
    """Return the line that tells how many lines were lost."""
    line: str = _run(processors, None, "warning", {"event": "log lines lost", "room": "log", "count": count})
    return line


def _run(processors: Sequence[Processor], logger: WrappedLogger, method: str, event: EventDict) -> Any:
    rendered: Any = event
    for process in processors:
        rendered = process(logger, method, rendered)
    return rendered
