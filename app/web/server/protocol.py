"""HTTP/1.1 of uvicorn and httptools, with a bound on everything that a peer can make us keep."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.server.connections import OpenConnections

HEAD_LIMIT = 32 * 1024  # bytes of request line and headers; nginx allows 32 KiB too
LINE_LIMIT = 100  # headers; Plivo and a proxy send some twenty
HEAD_SECONDS = 30.0  # nginx's client_header_timeout is 60 s; Plivo hangs up after 8 s
AHEAD_LIMIT = 100  # pipelined requests that wait for their turn; without a limit 14 MB of them took 650 MB
WRITE_LIMIT = 16 * 1024  # bytes of answers that a peer has not taken yet; then it is asked for no more

SLICE = 4 * 1024  # bytes that the parser is fed at a time

REQUEST_COST = 8 * 1024  # bytes that a request takes besides what was sent: scope, task, timers
LINE_COST = 160  # and each header: a tuple and two byte strings

HEAD_SIZE, HEAD_TIME, PIPELINING, BAD_REQUEST = "head_size", "head_seconds", "pipelining", "bad_request"
TRUST = "autoreply.trust"  # the ASGI extension that an application calls when the peer proved its worth


def _closing(status: bytes, text: bytes, *headers: bytes) -> bytes:
    lines = [b"content-type: text/plain; charset=utf-8", b"content-length: %d" % len(text), b"connection: close"]
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, *lines, b"", text])


TOO_LARGE = _closing(b"431 Request Header Fields Too Large", b"header block too large\n")
NO_ROOM = _closing(b"503 Service Unavailable", b"too many connections\n", b"retry-after: 10")


class HeadTooLarge(Exception):
    """Raised inside the parser's callbacks, which makes it stop."""


class TooFarAhead(Exception):
    """Raised inside the parser's callbacks when too many requests wait for their turn."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection, in a pool of limited size, with a bounded head."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, pool: OpenConnections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = ""
        self.held = 0  # written by the pool
        self._pool = pool
        self._in_head = False
        self._head = 0  # bytes of head and trailers that the parser has handed over
        self._lines = 0  # and lines
        self._unparsed = 0  # bytes that it may still hold
        self._body = 0  # bytes of the body so far
        self._queued = 0  # what pipelined requests hold that wait for their turn
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that says nothing is not kept for ever, and one for which there is no room not at all."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self.address = self.client[0] if self.client else ""
        if self._pool.add(self):
            self._start_timer()
        else:
            transport.write(NO_ROOM)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to time or to count."""
        self._stop_timer()
        self._pool.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what the parser swallows without a word: one endless header, or trailer.

        In slices: of what follows the last callback in a slice, nothing is known but that it is no longer than that.
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
        self._weigh_in()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head, self._lines, self._unparsed, self._body = True, 0, 0, 0, 0
        super().on_message_begin()
        self.scope["extensions"] = {TRUST: {"call": self._trust}}

    def on_url(self, url: bytes) -> None:
        """Raises `HeadTooLarge`."""
        self._head, self._unparsed = self._head + len(url), 0
        if self._head > HEAD_LIMIT:
            raise HeadTooLarge
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Raises `HeadTooLarge`. A trailer is counted too, but is no header: the application has begun."""
        self._head += len(name) + len(value) + 4  # ": " and the end of the line
        self._lines += 1
        self._unparsed = 0
        if self._head > HEAD_LIMIT or self._lines > LINE_LIMIT:
            raise HeadTooLarge
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole and small enough. Raises `TooFarAhead`."""
        self._in_head, self._unparsed = False, 0
        self._stop_timer()
        super().on_headers_complete()
        if self.pipeline:
            self._queued += self._weight_of_head()
        if len(self.pipeline) > AHEAD_LIMIT:
            raise TooFarAhead

    def on_body(self, body: bytes) -> None:
        """The size of a body is the application's to bound."""
        self._unparsed = 0
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser holds nothing any more."""
        self._unparsed = 0
        if self.pipeline:
            self._queued += self._body
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What was held for this request is free."""
        super().on_response_complete()
        if not self.pipeline:
            self._queued = 0
        self._weigh_in()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to any parser error, ours included."""
        if self._head > HEAD_LIMIT or self._lines > LINE_LIMIT:
            self._refuse()
            return
        self._pool.on_limit(PIPELINING if len(self.pipeline) > AHEAD_LIMIT else BAD_REQUEST)
        super().send_400_response(msg)

    def is_waiting(self) -> bool:
        """Whether it is the peer's turn: to send the rest of a request, or to take an answer."""
        if self.flow.write_paused:
            return True
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete or self.cycle.more_body)

    def give_up(self) -> None:
        """Closes, for there is no room; a peer in the middle of a request is told."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # it does not take what we say
            return
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._weight() and not answering:
            self.transport.write(NO_ROOM)
        self.transport.close()

    def _trust(self) -> None:
        self._pool.trust(self)

    def _is_their_turn(self) -> bool:
        """Whether we wait for them: for the rest of a head, or of a body that was answered unread."""
        return self._in_head or self.cycle is None or self.cycle.response_complete

    def _weigh_in(self) -> None:
        if (weight := self._weight()) != self.held:
            self._pool.hold(self, weight)

    def _weight(self) -> int:
        """Bytes, roughly, that unfinished requests of this connection hold."""
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
