"""uvicorn, bounded: how much of a request's head is read, and in what order the server stops.

uvicorn on httptools has no limit of its own on the header block (60 MB were accepted), nor on the
time it may take, nor on what follows: trailers of a chunked body, requests sent ahead of the answers.
Here a block over `HEAD_LIMIT`, trailers included, is answered 431, one that is not whole after
`HEAD_SECONDS` is dropped, and so is a caller who sends more than `AHEAD_LIMIT` requests ahead.
This file knows nothing of the rest of the house.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 32 * 1024  # bytes of request line and headers; nginx allows 32 KiB too
HEAD_SECONDS = 30.0  # nginx's client_header_timeout is 60 s; Plivo hangs up after 8 s
AHEAD_LIMIT = 100  # pipelined requests that wait for their turn; without a limit 14 MB of them took 650 MB
BESIDE_SECONDS = 1  # for the answers of a server beside the first
STOP_SECONDS = 8  # for answers, late rules and POSTs together; containers are killed 10 s after SIGTERM

_TOO_LARGE_BODY = b"header block too large\n"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_TOO_LARGE_BODY), _TOO_LARGE_BODY)
)


class HeadTooLarge(Exception):
    """Raised inside the parser's callbacks, which makes it stop."""


class TooFarAhead(Exception):
    """Likewise."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a bounded head."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head = 0  # bytes of head and trailers that the parser has handed over
        self._unparsed = 0  # bytes that it may still hold
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that says nothing is not kept for ever."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to time."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what the parser swallows without a word: one endless header, or trailer."""
        self._unparsed += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unparsed > HEAD_LIMIT:
            self._refuse()
        elif self._head_timer is None and self._is_their_turn():
            self._start_timer()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head, self._unparsed = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Raises `HeadTooLarge`."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Raises `HeadTooLarge`. A trailer is counted too, but is no header: the application has begun."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole and small enough. Raises `TooFarAhead`."""
        self._in_head, self._unparsed = False, 0
        self._stop_timer()
        super().on_headers_complete()
        if len(self.pipeline) > AHEAD_LIMIT:
            raise TooFarAhead

    def on_body(self, body: bytes) -> None:
        """The body is the application's to bound."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser holds nothing any more."""
        self._unparsed = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to any parser error, ours included."""
        if self._head > HEAD_LIMIT:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _is_their_turn(self) -> bool:
        """Whether we wait for them: for the rest of a head, or of a body that was answered unread."""
        return self._in_head or self.cycle is None or self.cycle.response_complete

    def _count(self, size: int) -> None:
        self._head, self._unparsed = self._head + size, 0
        if self._head > HEAD_LIMIT:
            raise HeadTooLarge

    def _refuse(self) -> None:
        self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """uvicorn that tells when it listens and when stopping begins, and returns instead of dying of the signal."""

    def __init__(
        self, config: uvicorn.Config, on_start: Callable[[int], None], on_stop: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._on_stop = on_stop

    async def startup(self, sockets: Any = None) -> None:
        """Tells the port that it listens on."""
        await super().startup(sockets)
        if self.started:
            self._on_start(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: Any = None) -> None:
        """First the service learns of it, then connections are drained."""
        await self._on_stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again when done, which would end the process before the store is closed."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


class ServerBeside(Server):
    """One more in the same loop; the first one hears the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `OSError`."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


@asynccontextmanager
async def beside(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serves on this socket too, as long as the block runs; closes it."""

    async def nothing() -> None:
        """The first server tells of the stop."""

    options = configure(app, "", 0, stop_seconds=BESIDE_SECONDS)
    running = ServerBeside(options, lambda _port: None, nothing)
    serving = asyncio.create_task(running.serve([listener]))
    try:
        yield
    finally:
        running.should_exit = True
        await serving
        listener.close()


def configure(app: Any, host: str, port: int, *, stop_seconds: int = STOP_SECONDS) -> uvicorn.Config:
    """The one set of uvicorn options that this service runs with."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        loop="uvloop",
        lifespan="off",  # the service is opened and closed around the server
        access_log=False,  # costs more than the answer (PERF: 42 -> 96 us), and we log one line a message
        log_config=None,
        proxy_headers=False,  # signatures are computed over public_url, never over what a proxy says
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
        timeout_keep_alive=75,  # longer than the idle time of common proxies (60 s), so that they close first
    )
