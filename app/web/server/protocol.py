"""HTTP/1.1 of uvicorn and httptools, with a limit on everything that a peer can make the process hold."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.server.connections import OpenConnections

HEAD_LIMIT = 32 * 1024  # bytes of request line and headers, as in nginx
LINE_LIMIT = 100  # headers; Plivo and a proxy send about twenty
HEAD_SECONDS = 30.0  # nginx's client_header_timeout is 60 s; Plivo hangs up after 8 s
AHEAD_LIMIT = 100  # pipelined requests that wait; without a limit 14 MB of them took 650 MB
WRITE_LIMIT = 16 * 1024  # bytes of responses that a peer has not read yet, after which nothing more is read from it

SLICE = 4 * 1024  # bytes that the parser is fed at a time

REQUEST_COST = 8 * 1024  # bytes that a request takes in addition to its content: scope, task, timers
LINE_COST = 160  # bytes for each header: a tuple and two byte strings

HEAD_SIZE, HEAD_TIME, PIPELINING, BAD_REQUEST = "head_size", "head_seconds", "pipelining", "bad_request"
TRUST_AGAIN = 1.0  # seconds between two notes that a connection is trusted, which only keep it among the youngest
TRUST = "autoreply.trust"  # the ASGI extension that an application calls for an accepted request


def _closing(status: bytes, text: bytes, *headers: bytes) -> bytes:
    lines = [b"content-type: text/plain; charset=utf-8", b"content-length: %d" % len(text), b"connection: close"]
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, *lines, b"", text])


TOO_LARGE = _closing(b"431 Request Header Fields Too Large", b"header block too large\n")
NO_ROOM = _closing(b"503 Service Unavailable", b"too many connections\n", b"retry-after: 10")


class HeadTooLarge(Exception):
    """The error that stops the parser when a head is too large. Raised inside its callbacks."""


class TooFarAhead(Exception):
    """The error that stops the parser when too many requests are waiting. Raised inside its callbacks."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection, in a pool of limited size, with a limited head."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, pool: OpenConnections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = ""
        self.held = 0  # written by the pool
        self._pool = pool
        self._in_head = False
        self._head = 0  # bytes of head and trailers that the parser has reported
        self._lines = 0  # lines of head and trailers that it has reported
        self._unparsed = 0  # bytes that the parser may still hold
        self._body = 0  # bytes of the body so far
        self._queued = 0  # bytes of pipelined requests that wait
        self._head_timer: asyncio.TimerHandle | None = None
        self._extensions: dict[str, dict[object, object]] = {TRUST: {"call": self._trust}}
        self._trusted_at = float("-inf")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of the head, or close the connection if there is no room for it."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self.address = self.client[0] if self.client else ""
        if self._pool.add(self):
            self._start_timer()
        else:
            transport.write(NO_ROOM)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer and leave the pool."""
        self._stop_timer()
        self._pool.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser in slices, and refuse what it consumes without a callback: one endless header or trailer.

        What follows the last callback within a slice is unknown, but it is no longer than the slice.
        """
        for start in range(0, len(data), SLICE):
            part = data[start : start + SLICE]
            self._unparsed += len(part)
            super().data_received(part)
            if self.transport.is_closing():
                return
            if self._unparsed > HEAD_LIMIT:
                self._refuse()
                return
        if self._head_timer is None and self._is_their_turn():
            self._start_timer()
        self._update_held()

    def on_message_begin(self) -> None:
        """Start counting a new head."""
        self._in_head, self._head, self._lines, self._unparsed, self._body = True, 0, 0, 0, 0
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_url(self, url: bytes) -> None:
        """Count the URL. Raises `HeadTooLarge`."""
        self._head, self._unparsed = self._head + len(url), 0
        if self._head > HEAD_LIMIT:
            raise HeadTooLarge
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header or trailer.

        Raises `HeadTooLarge`. A trailer is not passed on, because the application has started.
        """
        self._head += len(name) + len(value) + 4  # ": " and the end of the line
        self._lines += 1
        self._unparsed = 0
        if self._head > HEAD_LIMIT or self._lines > LINE_LIMIT:
            raise HeadTooLarge
        if not self._in_head:
            return
        lowered = name.lower()
        if lowered == b"expect":
            super().on_header(name, value)
        else:  # as there, without the cost of a call for each header
            self.headers.append((lowered, value))

    def on_headers_complete(self) -> None:
        """Stop the timer of a complete head. Raises `TooFarAhead`."""
        self._in_head, self._unparsed = False, 0
        self._stop_timer()
        super().on_headers_complete()
        if self.pipeline:
            self._queued += self._weight_of_head()
        if len(self.pipeline) > AHEAD_LIMIT:
            raise TooFarAhead

    def on_body(self, body: bytes) -> None:
        """Count a part of the body. Limiting its size is up to the application."""
        self._unparsed = 0
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the parser holds nothing any more."""
        self._unparsed = 0
        if self.pipeline:
            self._queued += self._body
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Release what was counted for the request."""
        super().on_response_complete()
        if not self.pipeline:
            self._queued = 0
        self._update_held()

    def send_400_response(self, msg: str) -> None:
        """Respond to a parser error, which is also how uvicorn handles the errors raised here."""
        if self._head > HEAD_LIMIT or self._lines > LINE_LIMIT:
            self._refuse()
            return
        self._pool.on_limit(PIPELINING if len(self.pipeline) > AHEAD_LIMIT else BAD_REQUEST)
        super().send_400_response(msg)

    def is_waiting(self) -> bool:
        """Return whether it waits for the peer, to send the rest of a request or to read a response."""
        if self.flow.write_paused:
            return True
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete or self.cycle.more_body)

    def give_up(self) -> None:
        """Close the connection because there is no room. A peer in the middle of a request gets a response."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # the peer does not read responses
            return
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._weight() and not answering:
            self.transport.write(NO_ROOM)
        self.transport.close()

    def _trust(self) -> None:
        if (now := self.loop.time()) - self._trusted_at > TRUST_AGAIN:
            self._trusted_at = now
            self._pool.trust(self)

    def _is_their_turn(self) -> bool:
        """Return whether the peer must send something: the rest of a head, or of a body that was answered unread."""
        return self._in_head or self.cycle is None or self.cycle.response_complete

    def _update_held(self) -> None:
        if (weight := self._weight()) != self.held:
            self._pool.hold(self, weight)

    def _weight(self) -> int:
        """Return approximately how many bytes the unfinished requests of this connection hold."""
        if self._in_head:
            return self._queued + self._weight_of_head() + self._unparsed
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            return self._queued + self._weight_of_head() + self._body
        return self._queued

    def _weight_of_head(self) -> int:
        return REQUEST_COST + self._head + self._lines * LINE_COST

    def _refuse(self) -> None:
        self._pool.on_limit(HEAD_SIZE)
        self.transport.write(TOO_LARGE)
        self.transport.close()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._out_of_time)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _out_of_time(self) -> None:
        self._pool.on_limit(HEAD_TIME)
        self.transport.close()
