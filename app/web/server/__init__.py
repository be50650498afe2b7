"""uvicorn with limits on what strangers can make the process hold, and with an ordered stop.

With httptools, uvicorn does not limit the header block (60 MB were accepted), the time it takes, the trailers of a
chunked body, or pipelined requests. Connections are limited only by refusing every request beyond a number, whoever
sends it. Here a header block over `HEAD_LIMIT` or `LINE_LIMIT`, trailers included, gets 431. A connection is closed if
its head is not complete after `HEAD_SECONDS`, or if it sends more than `AHEAD_LIMIT` requests ahead. `OpenConnections`
decides which connection makes room for another. This package imports nothing else of the service.
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
from app.web.server.protocol import AHEAD_LIMIT, HEAD_LIMIT, TRUST, BoundedProtocol

__all__ = [
    "AHEAD_LIMIT",
    "HEAD_LIMIT",
    "STOP_SECONDS",
    "BoundedProtocol",
    "Server",
    "additional_server",
    "configure",
    "connections_within",
    "limits_of",
    "listen",
    "raise_limit",
    "trust",
]

ADDITIONAL_STOP_SECONDS = 1  # for the last responses of an additional server
STOP_SECONDS = 8  # for responses, late rules and deliveries together; containers are killed 10 s after SIGTERM
BACKLOG = 4_096  # connections waiting to be accepted, Linux's maximum; beyond, a caller tries again after a second
HELD_BYTES = 16 << 20  # by unfinished requests together
ADDITIONAL_LIMITS = ConnectionLimits(connections=100)  # the admin socket: some browsers and scrapers


class Server(uvicorn.Server):
    """A uvicorn server with callbacks for its start and stop. A signal stops it, but does not end the process."""

    def __init__(
        self, config: uvicorn.Config, on_start: Callable[[int], None], on_stop: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._on_stop = on_stop

    async def startup(self, sockets: Any = None) -> None:
        """Start, and report the port that it listens on."""
        await super().startup(sockets)
        if self.started:
            self._on_start(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: Any = None) -> None:
        """Notify the service, then drain connections."""
        await self._on_stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals without raising them again. uvicorn's own would end the process before the store is closed."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


class AdditionalServer(Server):
    """An additional server in the same event loop. The first one handles signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the first server."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `OSError`."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


@asynccontextmanager
async def additional_server(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serve on this socket too while the block runs, then close it."""

    async def nothing() -> None:
        """Do nothing: the first server reports the stop."""

    options = configure(app, "", 0, ADDITIONAL_LIMITS, stop_seconds=ADDITIONAL_STOP_SECONDS)
    running = AdditionalServer(options, lambda _port: None, nothing)
    serving = asyncio.create_task(running.serve([listener]))
    try:
        yield
    finally:
        running.should_exit = True
        await serving
        listener.close()


def limits_of(connections: int, body_limit: int) -> ConnectionLimits:
    """Return the limits of a server with this many connections.

    There is memory for the unfinished requests of all of them, and for some bodies of the largest size.
    """
    return ConnectionLimits(connections, max(HELD_BYTES, connections * (HELD_BYTES // 1_000), 4 * body_limit))


def trust(scope: Mapping[str, Any]) -> None:
    """Report that a request was accepted, so that its connection is among the last to be closed at a limit."""
    extension = (scope.get("extensions") or {}).get(TRUST)
    if extension:
        extension["call"]()


def _ignore(_limit: str) -> None:
    """Ignore a limit that was reached."""


def configure(
    app: Any,
    host: str,
    port: int,
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
    on_limit: Callable[[str], None] = _ignore,
    *,
    stop_seconds: int = STOP_SECONDS,
) -> uvicorn.Config:
    """Return the uvicorn options of this service. `on_limit` is called with the name of each limit that is reached."""
    protocol = functools.partial(BoundedProtocol, pool=OpenConnections(limits, on_limit))
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        loop="uvloop",
        lifespan="off",  # the service is opened and closed around the server
        access_log=False,  # costs more than a response (42 -> 96 us), and each message is logged anyway
        log_config=None,
        log_level="error",  # anybody can make it warn, by sending what is not HTTP; that is counted
        proxy_headers=False,  # signatures are computed over public_url, never over a proxy's headers
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
        backlog=BACKLOG,
        timeout_keep_alive=75,  # longer than common proxies wait (60 s), so that they close first
    )
