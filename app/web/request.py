"""Read a request: its path, and its body within limits."""

from collections.abc import Mapping

from starlette.types import Receive, Scope

from app.plivo.refusals import TooLarge


class ClientGone(Exception):
    """The caller hung up before its request was complete."""


def raw_path(scope: Scope) -> str:
    """Return the path as it arrived, not decoded."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


async def read_body(fields: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """Return the whole body, of at most `limit` bytes. `fields` are the headers. Raises `TooLarge` or `ClientGone`."""
    declared = fields.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        message = f"{int(declared)} bytes declared, more than body_limit, {limit} bytes"
        raise TooLarge(message)
    parts = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = event.get("body", b"")
        if len(parts) + len(part) > limit:
            message = f"more than body_limit, {limit} bytes"
            raise TooLarge(message)
        if not event.get("more_body", False):
            return bytes(parts + part) if parts else part  # nearly always in one piece
        parts += part
