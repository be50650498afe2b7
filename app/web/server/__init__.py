"""uvicorn, bounded: what strangers can make us keep, and in what order the server stops.

uvicorn on httptools has no limit of its own on the header block (60 MB were accepted), nor on the
time it may take, nor on what follows: trailers of a chunked body, requests sent ahead of the answers; nor on
connections, but that every request beyond a number of them is refused, whoever it is.
Here a block over `HEAD_LIMIT` or `LINE_LIMIT`, trailers included, is answered 431, one that is not whole after
`HEAD_SECONDS` is dropped, and so is a caller who sends more than `AHEAD_LIMIT` requests ahead. `Connections` says who
makes room for whom. This package imports nothing else of the service.
"""

import asyncio
import contextlib
import functools
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn

from app.web.server.connections import ConnectionLimits, OpenConnections
from app.web.server.descriptors import connections_within, raise_limit
from app.web.server.protocol import AHEAD_LIMIT, HEAD_LIMIT, LINE_LIMIT, TRUST, BoundedProtocol

__all__ = [
    "AHEAD_LIMIT",
    "HEAD_LIMIT",
    "LINE_LIMIT",
    "STOP_SECONDS",
    "BoundedProtocol",
    "Connections",
    "Limits",
    "Server",
    "beside",
    "configure",
    "connections_within",
    "limits_of",
    "listen",
    "raise_limit",
    "trust",
]

BESIDE_SECONDS = 1  # for the answers of a server beside the first
STOP_SECONDS = 8  # for answers, late rules and POSTs together; containers are killed 10 s after SIGTERM
BACKLOG = 4_096  # connections that wait to be accepted; beyond, a caller tries again after a second. Linux' maximum
HELD_BYTES = 16 << 20  # by unfinished requests together
BESIDE = ConnectionLimits(connections=100)  # the operator's socket: some browsers and scrapers


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

    options = configure(app, "", 0, BESIDE, stop_seconds=BESIDE_SECONDS)
    running = ServerBeside(options, lambda _port: None, nothing)
    serving = asyncio.create_task(running.serve([listener]))
    try:
        yield
    finally:
        running.should_exit = True
        await serving
        listener.close()


def limits_of(connections: int, body_limit: int) -> ConnectionLimits:
    """So many connections, and room for unfinished requests of all of them, and for some bodies of the largest size."""
    return ConnectionLimits(connections, max(HELD_BYTES, connections * (HELD_BYTES // 1_000), 4 * body_limit))


def trust(scope: Mapping[str, Any]) -> None:
    """The application tells that this request was worth its connection, which keeps its place at a limit."""
    extension = (scope.get("extensions") or {}).get(TRUST)
    if extension:
        extension["call"]()


def _nobody(_limit: str) -> None:
    """Nobody asks about limits."""


def configure(
    app: Any,
    host: str,
    port: int,
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
    on_limit: Callable[[str], None] = _nobody,
    *,
    stop_seconds: int = STOP_SECONDS,
) -> uvicorn.Config:
    """The one set of uvicorn options that this service runs with. `on_limit` hears the name of a limit that is met."""
    protocol = functools.partial(BoundedProtocol, pool=OpenConnections(limits, on_limit))
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        loop="uvloop",
        lifespan="off",  # the service is opened and closed around the server
        access_log=False,  # costs more than the answer (PERF: 42 -> 96 us), and we log one line a message
        log_config=None,
        log_level="error",  # anybody can make it warn, of what is no HTTP; that is counted
        proxy_headers=False,  # signatures are computed over public_url, never over what a proxy says
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
        backlog=BACKLOG,
        timeout_keep_alive=75,  # longer than the idle time of common proxies (60 s), so that they close first
    )
