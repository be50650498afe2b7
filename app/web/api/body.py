"""The body of a request: JSON within a size and a time."""

import asyncio
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.plivo.refusals import TooLarge, TooSlow
from app.web.api.problems import BadInput
from app.web.request import ClientGone, read_body

LIMIT = 64 * 1024  # bytes
SECONDS = 10.0  # for the whole body


async def read_json(request: Request) -> Any:
    """Return the document in a body. Raises `BadInput`, `TooLarge`, `TooSlow` or `HTTPException`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send JSON, with the header Content-Type: application/json")
    try:
        async with asyncio.timeout(SECONDS):
            body = await read_body(dict(request.scope["headers"]), request.receive, LIMIT)
    except TimeoutError:
        raise TooSlow(f"the body was not complete within {SECONDS:g} s") from None
    except TooLarge:
        raise TooLarge(f"the body is over {LIMIT} bytes") from None
    except ClientGone:
        raise BadInput("the body is not complete") from None
    return _parsed(body)


def _parsed(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"the body is not UTF-8: byte {error.start}") from None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BadInput(f"the body is no valid JSON: line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand lists in each other
        raise BadInput("the body is no JSON that can be read: nested too deep, or a number is too long") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = {name: "is given more than once" for name in members if names.count(name) > 1}
        raise BadInput("a member of the body is given more than once", twice)
    return members


def _no_number(name: str) -> Any:
    raise BadInput(f"the body is no valid JSON: {name} is no number in it")
