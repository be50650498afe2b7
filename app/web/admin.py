"""The admin socket: /metrics, /health and /ready are open, /api/v1 needs the token.

It is a separate socket, so that the proxy in front of Plivo's paths need not hide it. Its open pages show no text and
no number (G12).
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
from app.web.api import Api

log = get_logger("admin")

API = "/api/v1/"

Page = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Admin:
    """The ASGI application of the admin socket: a handler for each path and method."""

    pages: Mapping[str, Mapping[str, Page]]
    api: Api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond. No request body is read."""
        response = await self._answer(scope)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        path, method = scope["path"], scope["method"]
        methods = self.pages.get(path)
        if path.startswith(API) and (problem := self.api.problem(scope)):
            return problem
        if methods is None:
            return PlainTextResponse("not found\n", 404)
        page = methods.get("GET" if method == "HEAD" else method)
        if page is None:
            allowed = ", ".join(["GET", "HEAD"] if "GET" in methods else methods)
            return PlainTextResponse("method not allowed\n", 405, {"Allow": allowed})
        try:
            return await page()
        except Exception:
            log.exception("unhandled exception", path=path)
            return PlainTextResponse("internal error\n", 500)


def make_admin(metrics: Metrics, status: Status, api: Api) -> Admin:
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

    pages = {
        "/metrics": {"GET": scrape},
        "/health": {"GET": health},
        "/ready": {"GET": ready},
        f"{API}reload": {"POST": api.post_reload},
    }
    return Admin(pages, api)
