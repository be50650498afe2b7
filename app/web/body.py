"""The body of a call, read within its bounds, and the parameters of query and body."""

import asyncio

from starlette.types import Receive, Scope

from app.plivo import forms
from app.plivo.messages import Parameters
from app.plivo.refusals import TooLarge, TooSlow


class ClientGone(Exception):
    """The caller hung up while we read."""


async def read_body(scope: Scope, receive: Receive, limit: int, seconds: float) -> bytes:
    """The whole body, of `limit` bytes at most. Raises `TooLarge`, `TooSlow` or `ClientGone`."""
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        message = f"{int(declared)} bytes declared, body_limit is {limit}"
        raise TooLarge(message)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit)
    except TimeoutError:
        message = f"the body was not in after {seconds:g} s"
        raise TooSlow(message) from None


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        body += event.get("body", b"")
        if len(body) > limit:
            message = f"over body_limit, {limit} bytes"
            raise TooLarge(message)
        if not event.get("more_body", False):
            return bytes(body)


def read_parameters(scope: Scope, body: bytes) -> tuple[Parameters, Parameters]:
    """The query's, and those that are meant: the body's of a POST, the query's of a GET. Raises `Refused`."""
    read = forms.parser_of(header(scope, b"content-type")) if scope["method"] == "POST" else None
    query = forms.urlencoded(scope["query_string"])
    return query, read(body) if read else query


def header(scope: Scope, name: bytes) -> bytes:
    """The first value of a header, empty if there is none."""
    return next((value for key, value in scope["headers"] if key == name), b"")
