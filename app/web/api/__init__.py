"""The API on the admin socket: JSON over the operations, for callers with the token of `[admin]`."""

import hmac
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.operations.running_service import RunningService
from app.web.api.problems import problem


def make_api(service: RunningService, token: str | None) -> ASGIApp:
    """Return the API. It is disabled if `token` is None."""

    async def reload(_: Request) -> Response:
        """Reload the configuration. Return 422 with every error if the file is refused."""
        result = await service.reload()
        if result.errors:
            errors = [asdict(error) for error in result.errors]
            return problem(422, "the file is refused; the previous configuration stays in force", errors=errors)
        return JSONResponse({"config": result.config, "needs_restart": list(result.needs_restart)})

    app = Starlette(
        routes=[Route("/reload", reload, methods=["POST"])],
        exception_handlers={HTTPException: _http_exception},
    )
    app.router.redirect_slashes = False
    return TokenCheck(app, token)


async def _http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    return problem(error.status_code, error.detail, dict(error.headers or {}))


class TokenCheck:
    """Respond with 401 to a call without the token, and with 404 if there is none."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or refuse it."""
        await (self._problem(scope) or self._app)(scope, receive, send)

    def _problem(self, scope: Scope) -> Response | None:
        if self._token is None:
            return problem(404, "the API is disabled; set [admin] token to enable it")
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return problem(
                401, "send the header Authorization: Bearer with the token of [admin]", {"WWW-Authenticate": "Bearer"}
            )
        return None
