"""What the handlers of the console share."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from app.operations.changes import Changes
from app.operations.running_service import RunningService
from app.telemetry import get_logger
from app.telemetry.throttle import Throttle
from app.web.console.session import Sessions
from app.web.console.views import Views

log = get_logger("console")

WHO = "console"  # in the record of changes


def log_wrong_tokens(_: str, count: int) -> None:
    """Log that somebody gave a wrong token at the log-in, so many times."""
    log.warning("wrong token at the log-in", count=count)


@dataclass(frozen=True, slots=True)
class Console:
    """One console: the service that it shows, the sessions of its browsers, and its templates."""

    service: RunningService
    sessions: Sessions
    views: Views
    changes: Changes
    wrong_tokens: Throttle[str] = field(default_factory=lambda: Throttle(1, 60.0, log_wrong_tokens))


def console_of(request: Request) -> Console:
    """Return the console that a request is for."""
    return cast("Console", request.app.state.console)
