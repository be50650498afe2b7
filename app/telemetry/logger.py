"""The loggers that the service's packages take."""

from typing import cast

import structlog
from structlog.typing import FilteringBoundLogger

Logger = FilteringBoundLogger


def get_logger(room: str) -> Logger:
    """Return the logger of a package; `room` is a field of each of its lines."""
    return cast("Logger", structlog.get_logger(room=room))
