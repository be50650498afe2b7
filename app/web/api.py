"""The API on the admin socket: JSON over the operations, for callers with the token of `[admin]`.

Errors are problem documents, https://www.rfc-editor.org/rfc/rfc9457.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from app.operations.reload import ReloadResult

Reload = Callable[[], Awaitable[ReloadResult]]


@dataclass(frozen=True, slots=True)
class Api:
    """The API. It is disabled if `token` is None."""

    token: str | None
    reload: Reload

    def problem(self, scope: Scope) -> Response | None:
        """Return the problem document for a caller that may not use the API, or None."""
        if self.token is None:
            return _problem(404, "the API is disabled; set [admin] token to enable it")
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            return _problem(
                401, "send the header Authorization: Bearer with the token of [admin]", {"WWW-Authenticate": "Bearer"}
            )
        return None

    async def post_reload(self) -> Response:
        """Reload the configuration. Return 422 with every error if the file is refused."""
        result = await self.reload()
        if result.errors:
            errors = [asdict(error) for error in result.errors]
            return _problem(422, "the file is refused; the previous configuration stays in force", errors=errors)
        return JSONResponse({"config": result.config, "needs_restart": list(result.needs_restart)})


def _problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: object) -> Response:
    body = {"status": status, "title": TITLES[status], "detail": detail, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


TITLES = {401: "Unauthorized", 404: "Not Found", 422: "Unprocessable Content"}
