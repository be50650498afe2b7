"""Errors as problem documents, https://www.rfc-editor.org/rfc/rfc9457."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse, Response

TITLES = {422: "Unprocessable Content"}  # as RFC 9110 has it; http.HTTPStatus has an older name before Python 3.13


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> Response:
    """Return a problem document: the status and its name, what is wrong and what to do, and further members."""
    title = TITLES.get(status) or HTTPStatus(status).phrase
    body = {"status": status, "title": title, "detail": detail, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
