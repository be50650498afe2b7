"""The console on the admin socket: server-rendered pages over the operations, for browsers with the token."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from app.operations.running_service import RunningService
from app.settings import AdminSettings


def make_console(service: RunningService, settings: AdminSettings) -> ASGIApp:
    """Return the console."""
    del service, settings
    return PlainTextResponse("not found\n", 404)
