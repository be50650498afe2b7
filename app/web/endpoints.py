"""HTTP to values and back; no decision. What Plivo calls came through the gate, the rest did not."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.plivo.messages import DeliveryReport, InboundMessage, Verified

Answer = Callable[[InboundMessage, Verified], Awaitable[bytes]]
Accept = Callable[[DeliveryReport, Verified], Awaitable[None]]


class Endpoints:
    """The handlers, with what they call."""

    def __init__(
        self, answer: Answer, accept: Accept, ready: Callable[[], Awaitable[bool]], fault: Callable[[], str | None]
    ) -> None:
        self._answer = answer
        self._accept = accept
        self._ready = ready
        self._fault = fault

    async def message(self, message: InboundMessage, request: Verified) -> Response:
        """`message_url`: 200 and Plivo XML."""
        xml = await self._answer(message, request)
        return Response(xml, media_type="application/xml")

    async def report(self, report: DeliveryReport, request: Verified) -> Response:
        """`callbackUrl`: 200 once stored."""
        await self._accept(report, request)
        return PlainTextResponse("stored\n")

    async def health(self, _request: Request) -> Response:
        """Whether this process does its work; never the store's or a target's state."""
        fault = self._fault()
        return JSONResponse({"healthy": fault is None}, 503 if fault else 200)

    async def ready(self, _request: Request) -> Response:
        """Whether to send traffic here."""
        ready = await self._ready()
        return JSONResponse({"ready": ready}, 200 if ready else 503)
