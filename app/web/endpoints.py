"""The endpoints, which convert HTTP to values and back.

Plivo's calls have been verified before; other requests have not.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.plivo.messages import DeliveryReport, InboundMessage, Verified

Answer = Callable[[InboundMessage, Verified], Awaitable[bytes]]
Accept = Callable[[DeliveryReport, Verified], Awaitable[None]]

XML = (b"content-type", b"application/xml")
TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Ok:
    """An ASGI response with status 200 and a body of bytes. Starlette's `Response` takes 2 us more."""

    __slots__ = ("_body", "_content_type")

    def __init__(self, body: bytes, content_type: tuple[bytes, bytes]) -> None:
        self._body = body
        self._content_type = content_type

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the head and the body."""
        headers = [self._content_type, (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


class Endpoints:
    """The handlers of all paths, and the functions that they call."""

    def __init__(
        self, answer: Answer, accept: Accept, ready: Callable[[], Awaitable[bool]], fault: Callable[[], str | None]
    ) -> None:
        self._answer = answer
        self._accept = accept
        self._ready = ready
        self._fault = fault

    async def message(self, request: Verified) -> Ok:
        """Serve `message_url`: 200 with Plivo XML. Raises `Refused`."""
        return Ok(await self._answer(InboundMessage.from_parameters(request.parameters), request), XML)

    async def report(self, request: Verified) -> Ok:
        """Serve `callbackUrl`: 200 once the report is stored. Raises `Refused`."""
        report = DeliveryReport.from_parameters(request.path, request.parameters, request.digest)
        await self._accept(report, request)
        return Ok(b"stored\n", TEXT)

    async def health(self, _request: Request) -> Response:
        """Respond whether this process works. The state of the store or of a target does not count."""
        fault = self._fault()
        return JSONResponse({"healthy": fault is None}, 503 if fault else 200)

    async def ready(self, _request: Request) -> Response:
        """Respond whether this process can take traffic."""
        ready = await self._ready()
        return JSONResponse({"ready": ready}, 200 if ready else 503)
