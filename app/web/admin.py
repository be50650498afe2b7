"""The admin socket for operators: /metrics, /health and /ready. It only converts values to HTTP, and reads no bodies.

It is a separate socket, so that a proxy in front of Plivo's paths need not hide it. It shows no texts and no numbers
(G12), and is protected by nothing but its address.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.operations.readiness import Status
from app.telemetry import get_logger
from app.telemetry.gauges import Gauges
from app.telemetry.metrics import Metrics

log = get_logger("admin")

METHODS = ("GET", "HEAD")

Page = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Admin:
    """An ASGI application with one page for each path."""

    pages: Mapping[str, Page]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with the page of the path."""
        response = await self._answer(scope["method"], scope["path"])
        await response(scope, receive, send)

    async def _answer(self, method: str, path: str) -> Response:
        page = self.pages.get(path)
        if page is None:
            return PlainTextResponse("not found\n", 404)
        if method not in METHODS:
            return PlainTextResponse("method not allowed\n", 405, {"Allow": ", ".join(METHODS)})
        try:
            return await page()
        except Exception:
            log.exception("unhandled exception", path=path)
            return PlainTextResponse("internal error\n", 500)


def make_admin(metrics: Metrics, status: Status) -> Admin:
    """Return the admin application of one service."""
    gauges = Gauges(metrics.registry)

    async def scrape() -> Response:
        gauges.show(await status.levels())
        body, kind = await asyncio.to_thread(metrics.text)  # takes 70 ms for a thousand routes
        return Response(body, headers={"content-type": kind})

    async def health() -> Response:
        fault = status.state.fault
        return JSONResponse({"healthy": fault is None}, 503 if fault else 200)

    async def ready() -> Response:
        is_ready, body = await status.ready()
        return JSONResponse(body, 200 if is_ready else 503)

    return Admin({"/metrics": scrape, "/health": health, "/ready": ready})
