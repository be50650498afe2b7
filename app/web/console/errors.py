"""Error pages. Each says whose side the error is on, and what to do."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.operations.errors import OperationFailed, OperationRefused
from app.plivo.refusals import Unavailable
from app.web.console.console import console_of

Handler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]

RETRY_AFTER = {"Retry-After": "5"}  # seconds


ADVICE = {
    404: "There is no such page. Use the menu, or look for a number or a MessageUUID above.",
    405: "This page cannot be called in that way.",
}


def _page(request: Request, status: int, title: str, advice: str) -> Response:
    return console_of(request).views.page(request, "error.html", status, title=title, advice=advice)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = HTTPStatus(status).phrase
    detail = error.detail if isinstance(error, HTTPException) and error.detail != phrase else ""
    response = _page(request, status, phrase, detail or ADVICE.get(status, ""))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _refused(request: Request, error: Exception) -> Response:
    return _page(request, 422, "That is not possible", str(error))


async def _unavailable(request: Request, _: Exception) -> Response:
    advice = "Its message is in the log, and /ready says more. Messages are answered again once it works."
    response = _page(request, 503, "The store does not respond", advice)
    response.headers.update(RETRY_AFTER)
    return response


ERROR_PAGES: Mapping[Any, Handler] = {
    HTTPException: _http_error,
    OperationRefused: _refused,
    OperationFailed: _refused,
    Unavailable: _unavailable,
}
