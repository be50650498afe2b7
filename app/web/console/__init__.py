"""The console on the admin socket: server-rendered pages over the operations, for browsers with the token."""

from hashlib import sha256

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.operations.running_service import RunningService
from app.settings import AdminSettings
from app.web.console.console import Console
from app.web.console.deliveries import delivery_routes
from app.web.console.errors import error_pages
from app.web.console.events import event_routes
from app.web.console.guard import Guard
from app.web.console.login import login_routes
from app.web.console.messages import message_routes
from app.web.console.people import people_routes
from app.web.console.phone import phone_routes
from app.web.console.session import Sessions
from app.web.console.status import status_routes
from app.web.console.targets import target_routes
from app.web.console.views import HERE, Views

STATIC = HERE / "static"


def make_console(service: RunningService, settings: AdminSettings, *, is_open: bool = False) -> ASGIApp:
    """Return the console. It is disabled without a token, unless it is open to everybody, as in `dev`."""
    if settings.token is None and not is_open:
        return PlainTextResponse("the console is disabled; set [admin] token to enable it\n", 404)
    sessions = Sessions(settings.token)
    console = Console(service, sessions, Views(_digests()))
    app = Starlette(
        routes=[
            *login_routes(console),
            *message_routes(console),
            *people_routes(console),
            *delivery_routes(console),
            *target_routes(console),
            *status_routes(console),
            *phone_routes(console),
            *event_routes(console),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers=error_pages(console),
    )
    app.router.redirect_slashes = False
    return Guard(app, sessions, is_open=is_open)


def _digests() -> dict[str, str]:
    """Return a short digest of each static file, so that browsers fetch a changed one again."""
    return {path.name: sha256(path.read_bytes()).hexdigest()[:8] for path in STATIC.iterdir()}
