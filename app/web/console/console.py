"""What the handlers of the console share."""

from dataclasses import dataclass

from app.operations.running_service import RunningService
from app.web.console.session import Sessions
from app.web.console.views import Views

WHO = "console"  # in the record of changes


@dataclass(frozen=True, slots=True)
class Console:
    """One console: the service that it shows, the sessions of its browsers, and its templates."""

    service: RunningService
    sessions: Sessions
    views: Views
