"""Errors as problem documents, https://www.rfc-editor.org/rfc/rfc9457."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.operations.errors import OperationFailed, OperationRefused
from app.plivo.refusals import Refused

TITLES = {  # as RFC 9110 has them; http.HTTPStatus has older names before Python 3.13
    413: "Content Too Large",
    422: "Unprocessable Content",
}
NO_STORE = {"Cache-Control": "no-store"}
MEDIA_TYPE = "application/problem+json"
_DETAILS = {404: "no such path; GET /api/v1/openapi.json describes all of them", 405: "this path has other methods"}


class Problem(Exception):
    """An error to respond with. `errors` say more on it."""

    def __init__(self, status: int, detail: str, errors: Sequence[Mapping[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = errors


class BadInput(Problem):
    """What is wrong with a request, by member."""

    def __init__(self, detail: str, errors: Mapping[str, str] | None = None) -> None:
        members = [{"member": name, "message": message} for name, message in (errors or {}).items()]
        super().__init__(400, detail, members)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """Return a problem document: the status and its name, what is wrong and what to do, and further members."""
    body = {"status": status, "title": title_of(status), "detail": detail, **more}
    content = json.dumps(body)  # in ASCII: a caller may have sent half a surrogate pair as a name
    return Response(content, status, {**NO_STORE, **(headers or {})}, MEDIA_TYPE)


def title_of(status: int) -> str:
    """Return the name of a status."""
    return TITLES.get(status) or HTTPStatus(status).phrase


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return problem(error.status_code, said or _DETAILS.get(error.status_code, error.detail), error.headers)


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - for the type checker
    more = {} if error.errors is None else {"errors": error.errors}
    return problem(error.status, str(error), None, **more)


def _refused(_: Request, error: Exception) -> Response:
    return problem(422, str(error))


def _refusal(_: Request, error: Exception) -> Response:
    """Return the status of a refusal: 503 and Retry-After if the store does not work, 408 and 413 for the body."""
    assert isinstance(error, Refused)  # noqa: S101 - for the type checker
    return problem(error.status, str(error), error.headers)


def _failed(_: Request, error: Exception) -> Response:
    return problem(500, str(error))


def _unhandled(_: Request, __: Exception) -> Response:
    """Return 500 without a word on the exception, which is logged and may hold anything (G12)."""
    return problem(500, "an unexpected error; the log has more")


HANDLERS = {
    HTTPException: _http,
    Problem: _problem,
    OperationRefused: _refused,
    OperationFailed: _failed,
    Refused: _refusal,
    Exception: _unhandled,
}
