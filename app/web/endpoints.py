"""HTTP to values and back; no decision. What Plivo calls has been verified, the rest has not."""

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
    """200 and a body that is bytes already, as an ASGI application: Starlette's `Response` takes 2 us more."""

    __slots__ = ("_body", "_content_type")

    def __init__(self, body: bytes, content_type: tuple[bytes, bytes]) -> None:
        self._body = body
        self._content_type = content_type

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send head and body."""
        headers = [self._content_type, (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


class Endpoints:
    """The handlers, with what they call."""

    def __init__(
        self, answer: Answer, accept: Accept, ready: Callable[[], Awaitable[bool]], fault: Callable[[], str | None]
    ) -> None:
        self._answer = answer
        self._accept = accept
        self._ready = ready
        self._fault = fault

    async def message(self, request: Verified) -> Ok:
        """`message_url`: 200 and Plivo XML. Raises `Refused`."""
        return Ok(await self._answer(InboundMessage.from_parameters(request.parameters), request), XML)

    async def report(self, request: Verified) -> Ok:
        """`callbackUrl`: 200 once stored. Raises `Refused`."""
        report = DeliveryReport.from_parameters(request.path, request.parameters, request.digest)
        await self._accept(report, request)
        return Ok(b"stored\n", TEXT)

    async def health(self, _request: Request) -> Response:
        """Whether this process does its work; never the store's or a target's state."""
        fault = self._fault()
        return JSONResponse({"healthy": fault is None}, 503 if fault else 200)

    async def ready(self, _request: Request) -> Response:
        """Whether to send traffic here."""
        ready = await self._ready()
        return JSONResponse({"ready": ready}, 200 if ready else 503)
