"""A TCP door to a PostgreSQL on loopback that can stop passing bytes on, as a host does that hangs or is cut off."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL

from app.store import server_url

CHUNK = 65_536


class Proxy:
    """Passes on, or holds what comes; connections stay open either way."""

    def __init__(self, behind: URL) -> None:
        self._behind = behind
        self._open = threading.Event()
        self._open.set()
        self._lost: list[threading.Event] = []
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """From now on nobody hears anything."""
        self._open.clear()

    def go_on(self) -> None:
        """What was held arrives."""
        self._open.set()

    def lose(self) -> None:
        """Connections that are open now are silent for ever; new ones are well: a server failed over without a word."""
        lost, self._open = self._open, threading.Event()
        lost.clear()
        self._open.set()
        self._lost.append(lost)

    def close(self) -> None:
        """All connections end."""
        for gate in [self._open, *self._lost]:
            gate.set()
        for one in [self._listening, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = self._dial()
                self._sockets += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(one, other, self._open), daemon=True).start()

    def _dial(self) -> socket.socket:
        folder = self._behind.query.get("host")
        if not folder:
            return socket.create_connection((self._behind.host or "127.0.0.1", self._behind.port or 5432))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.{self._behind.port or 5432}")
        return server

    def _pass_on(self, source: socket.socket, destination: socket.socket, gate: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                gate.wait()
                destination.sendall(data)
            destination.shutdown(socket.SHUT_WR)


@contextmanager
def before(url: str) -> Iterator[Proxy]:
    """A door to this server."""
    proxy = Proxy(server_url(url))
    try:
        yield proxy
    finally:
        proxy.close()
