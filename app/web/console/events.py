"""Server-sent events: they carry no data, only that something has changed. The page then fetches what it shows again.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.operations.changes import Changes
from app.web.console.console import console_of
from app.web.console.session import COOKIE

CHANGED = "data: changed\n\n"  # an event without data is not dispatched
BEGIN = f"retry: 3000\n{CHANGED}"  # milliseconds until the browser connects again; and what it may have missed
ALIVE = ":\n\n"  # a comment, so that no proxy closes the connection
QUIET = 15.0  # seconds between two of them
STEP = 1.0  # seconds until a stop is noticed
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def _events(request: Request) -> Response:
    console, cookie = console_of(request), request.cookies.get(COOKIE)
    if console.changes.is_full:
        return PlainTextResponse("too many pages are open\n", 503)

    def is_over() -> bool:
        return console.service.status.state.stopping or (cookie is not None and console.sessions.read(cookie) is None)

    return StreamingResponse(stream(console.changes, is_over), media_type="text/event-stream", headers=HEADERS)


async def stream(changes: Changes, is_over: Callable[[], bool]) -> AsyncIterator[str]:
    """Yield an event whenever something has changed, until the service stops or the session ends."""
    quiet = 0.0
    with changes.listening() as listener:
        yield BEGIN
        while not is_over():
            if await listener.changed(STEP):
                yield CHANGED
                quiet = 0.0
                continue
            quiet += STEP
            if quiet >= QUIET:
                yield ALIVE
                quiet = 0.0


ROUTES = [Route("/events", _events)]
