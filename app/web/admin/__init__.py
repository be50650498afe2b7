"""The admin socket: /metrics, /health and /ready are open, /console and /api/v1 need the token.

It is a separate socket, so that the proxy in front of Plivo's paths need not hide it. Its open pages show no text and
no number (G12), and are served under any Host, because scrapers and probes use addresses.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.operations.readiness import Status
from app.operations.running_service import RunningService
from app.settings import AdminSettings
from app.telemetry import get_logger
from app.telemetry.gauges import Gauges
from app.telemetry.metrics import Metrics
from app.web.admin.hosts import HostCheck
from app.web.api import make_api
from app.web.console import make_console

log = get_logger("admin")


def make_admin(service: RunningService, settings: AdminSettings, metrics: Metrics, *, is_open: bool = False) -> ASGIApp:
    """Return the ASGI application of the admin socket. With `is_open`, the console needs no token."""
    api = HostCheck(make_api(service, settings.token), settings)
    router = Router(
        [
            *_open_pages(metrics, service.status),
            Route("/api/v1", api),
            Mount("/api/v1", api),
            Route("/console", _console),
            Mount("/console", HostCheck(make_console(service, settings, is_open=is_open), settings)),
        ],
        redirect_slashes=False,
        default=_not_found,
    )
    return CatchErrors(router)


def _open_pages(metrics: Metrics, status: Status) -> list[Route]:
    gauges = Gauges(metrics.registry)

    async def scrape(_: Request) -> Response:
        gauges.show(await status.levels())
        body, kind = await asyncio.to_thread(metrics.text)  # takes 70 ms for a thousand routes
        return Response(body, headers={"content-type": kind})

    async def health(_: Request) -> Response:
        fault = status.state.fault
        return JSONResponse({"healthy": fault is None}, 503 if fault else 200)

    async def ready(_: Request) -> Response:
        is_ready, body = await status.ready()
        return JSONResponse(body, 200 if is_ready else 503)

    return [Route("/metrics", scrape), Route("/health", health), Route("/ready", ready)]


async def _console(_: Request) -> Response:
    return RedirectResponse("/console/", 303)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("not found\n", 404)(scope, receive, send)


class CatchErrors:
    """Log an unhandled exception without its text (G12), and respond with 500 if no response has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        begun = False

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            log.exception("unhandled exception", path=_nameless(scope))
            if not begun:
                await PlainTextResponse("internal error\n", 500)(scope, receive, send)


def _nameless(scope: Scope) -> str:
    """Return the path without what it names, which may be a phone number (G12)."""
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(str(value), f"{{{name}}}")
    return path
