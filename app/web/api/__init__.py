"""The API on the admin socket: JSON over the operations, for callers with the token of `[admin]`.

`endpoints` is the one table of what there is: requests are routed by it, and the OpenAPI document is made from it.
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from app.operations.running_service import RunningService
from app.web.api.endpoint import Endpoint
from app.web.api.endpoints import ENDPOINTS
from app.web.api.openapi import openapi_document
from app.web.api.problems import HANDLERS, NO_STORE
from app.web.api.token import TokenCheck

OPENAPI = "/openapi.json"
Respond = Callable[[Request], Awaitable[Response]]


def make_api(service: RunningService, token: str | None) -> ASGIApp:
    """Return the API. It is disabled if `token` is None."""
    routes = [Route(path, _respond(service, of_path), methods=list(of_path)) for path, of_path in _by_path().items()]
    app = Starlette(routes=[*routes, Route(OPENAPI, _describe)], exception_handlers=HANDLERS)
    app.router.redirect_slashes = False
    return TokenCheck(app, token)


def _by_path() -> dict[str, dict[str, Endpoint]]:
    """Return the endpoints of each path by method, so that a 405 names all methods of its path."""
    found: dict[str, dict[str, Endpoint]] = {}
    for one in ENDPOINTS:
        found.setdefault(one.path, {})[one.method] = one
    return found


def _respond(service: RunningService, endpoints: dict[str, Endpoint]) -> Respond:
    async def respond(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method].respond(service, request)

    return respond


async def _describe(_: Request) -> Response:
    return JSONResponse(openapi_document(ENDPOINTS), headers=NO_STORE)
