"""The public ASGI application, with every path in one list.

`SignatureMiddleware` looks up Plivo's paths itself. Starlette's router would add 10 us to each call, a quarter of what
it costs until its endpoint.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.telemetry.metrics import Metrics
from app.web.endpoints import Endpoints
from app.web.middleware import SignatureMiddleware, SignatureOptions, SignedEndpoint
from app.web.refusal_log import RefusalLog
from app.web.server import trust

Page = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class CurrentApp:
    """The application of the configuration in force. A request ends in the application in which it began."""

    current: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        await self.current(scope, receive, send)


def paths(endpoints: Endpoints) -> tuple[dict[str, SignedEndpoint], dict[str, Page]]:
    """Return the paths that Plivo calls, which must be signed, and the open paths."""
    message = SignedEndpoint("message", b"To", endpoints.message)
    report = SignedEndpoint("report", b"From", endpoints.report)
    signed = {
        "/message": message,
        "/message/": message,
        "/report/{message_uuid}": report,
        "/report": report,
        "/report/": report,
    }
    unsigned: dict[str, Page] = {
        "/health": endpoints.health,
        "/ready": endpoints.ready,
    }
    return signed, unsigned


def make_app(
    options: SignatureOptions,
    endpoints: Endpoints,
    metrics: Metrics,
    refusals: RefusalLog | None = None,
) -> SignatureMiddleware:
    """Return the application.

    Each path is served below the path of `public_url` and, for proxies that strip it, without it.
    """
    signed, unsigned = paths(endpoints)
    app = Starlette(routes=_routes(unsigned, urlsplit(options.public_url).path))
    app.router.redirect_slashes = False
    return SignatureMiddleware(app, options, signed, metrics, trust, refusals)


def _routes(pages: Mapping[str, Page], prefix: str) -> list[Route]:
    return [Route(f"{before}{path}", page) for before in dict.fromkeys(("", prefix)) for path, page in pages.items()]
