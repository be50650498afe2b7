"""The body of a call, read within its bounds."""

from collections.abc import Mapping

from starlette.types import Receive

from app.plivo.refusals import TooLarge


class ClientGone(Exception):
    """The caller hung up while we read."""


async def read_body(fields: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The whole body, of `limit` bytes at most; `fields` are the header's. Raises `TooLarge` or `ClientGone`."""
    declared = fields.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        message = f"{int(declared)} bytes declared, body_limit is {limit}"
        raise TooLarge(message)
    parts = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = event.get("body", b"")
        if len(parts) + len(part) > limit:
            message = f"over body_limit, {limit} bytes"
            raise TooLarge(message)
        if not event.get("more_body", False):
            return bytes(parts + part) if parts else part  # nearly always one piece
        parts += part
