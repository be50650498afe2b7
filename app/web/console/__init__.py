"""The console on the admin socket: server-rendered pages over the operations, for browsers with the token."""

from hashlib import sha256

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.operations.changes import Changes
from app.operations.running_service import RunningService
from app.settings import AdminSettings
from app.web.console import deliveries, events, login, messages, people, phone, status, targets
from app.web.console.console import Console
from app.web.console.errors import ERROR_PAGES
from app.web.console.guard import Guard
from app.web.console.session import Sessions
from app.web.console.views import HERE, Views

STATIC = HERE / "static"


def make_console(service: RunningService, settings: AdminSettings, *, is_open: bool = False) -> ASGIApp:
    """Return the console. It is disabled without a token, unless it is open to everybody, as in `dev`."""
    if settings.token is None and not is_open:
        return PlainTextResponse("the console is disabled; set [admin] token to enable it\n", 404)
    sessions = Sessions(settings.token)
    app = Starlette(
        routes=[
            *login.ROUTES,
            *messages.ROUTES,
            *people.ROUTES,
            *deliveries.ROUTES,
            *targets.ROUTES,
            *status.ROUTES,
            *phone.ROUTES,
            *events.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers=ERROR_PAGES,
    )
    app.state.console = Console(service, sessions, Views(_digests()), Changes(service.store))
    app.router.redirect_slashes = False
    return Guard(app, sessions, is_open=is_open)


def _digests() -> dict[str, str]:
    """Return a short digest of each static file, so that browsers fetch a changed one again."""
    return {path.name: sha256(path.read_bytes()).hexdigest()[:8] for path in STATIC.iterdir()}
