"""Receivers that do all that no receiver should: each is a function that gets a connection with a request in it."""

import contextlib
import gzip
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FOR_EVER = 20.0  # seconds; no caller waits that long
PIECE = b"x" * 65_536
GIGABYTE = 1_000_000_000


@dataclass
class Peer:
    """One connection, with a count of what went out on it."""

    connection: socket.socket
    stop: threading.Event
    sent: list[int]

    def say(self, data: bytes) -> None:
        """As it is; raises `OSError` once the caller has gone."""
        self.connection.sendall(data)
        self.sent.append(len(data))

    def drip(self, data: bytes) -> None:
        """A byte at a time."""
        for byte in data:
            self.say(bytes([byte]))
            self.pause(0.02)

    def pause(self, seconds: float) -> None:
        """Or until the test ends."""
        if self.stop.wait(seconds):
            raise ConnectionAbortedError


Talk = Callable[[Peer], None]


@dataclass
class Misbehaving:
    """Where it is, how often it was asked, and how many bytes it got rid of."""

    url: str
    asked: int = 0
    sent: list[int] = field(default_factory=list)


@contextmanager
def misbehaving(talk: Talk) -> Iterator[Misbehaving]:
    """On a port of its own; after what `talk` says it hangs up."""
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    stop = threading.Event()
    receiver = Misbehaving(f"http://127.0.0.1:{server.getsockname()[1]}")

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if talk is not hang_up:
                _read_request(connection)
            receiver.asked += 1
            talk(Peer(connection, stop, receiver.sent))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=converse, args=(server.accept()[0],), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield receiver
    finally:
        stop.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join()


def _read_request(connection: socket.socket) -> None:
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += connection.recv(65_536) or _gone()
    lengths = [line for line in bytes(got[:end]).lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(got) < end + 4 + int(lengths[0].split(b":")[1]):
        got += connection.recv(65_536) or _gone()


def _gone() -> bytes:
    raise ConnectionAbortedError


def saying(answer: bytes) -> Talk:
    """Says this and hangs up."""
    return lambda peer: peer.say(answer)


def ok(body: bytes = b"", *headers: str) -> bytes:
    """A good answer of 200."""
    lines = ["HTTP/1.1 200 OK", *(headers or (f"Content-Length: {len(body)}",)), "", ""]
    return "\r\n".join(lines).encode() + body


def hang(peer: Peer) -> None:
    """Says nothing."""
    peer.pause(FOR_EVER)


def hang_up(_peer: Peer) -> None:
    """Accepts, and closes without reading."""


def drip_head(peer: Peer) -> None:
    """A head that never ends, a byte at a time."""
    peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1_000)


def drip_body(peer: Peer) -> None:
    """A head at once, then a body that never ends, a byte at a time."""
    peer.say(ok(b"", "Content-Length: 100000", "Content-Type: text/plain"))
    peer.drip(b"x" * 10_000)


def reset(peer: Peer) -> None:
    """RST instead of an answer."""
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_after_status(peer: Peer) -> None:
    """RST behind a status line."""
    peer.say(b"HTTP/1.1 200 OK\r\n")
    reset(peer)


def a_gigabyte(peer: Peer) -> None:
    """As fast as it is taken."""
    peer.say(ok(b"", f"Content-Length: {GIGABYTE}", "Content-Type: text/plain"))
    for _ in range(GIGABYTE // len(PIECE)):
        peer.say(PIECE)


def endless_headers(peer: Peer) -> None:
    """Small ones, as fast as they are taken."""
    peer.say(b"HTTP/1.1 200 OK\r\n")
    _for_ever(peer, b"X-Many: 1\r\n" * 6_000)


def endless_hints(peer: Peer) -> None:
    """Interim answers, as fast as they are taken."""
    _for_ever(peer, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2_000)


def endless_chunk(peer: Peer) -> None:
    """The size of a chunk, with an extension that never ends."""
    peer.say(ok(b"", "Transfer-Encoding: chunked") + b"5;x=")
    _for_ever(peer, PIECE)


def _for_ever(peer: Peer, data: bytes) -> None:
    until = time.monotonic() + FOR_EVER
    while time.monotonic() < until:
        peer.say(data)


def bomb() -> bytes:
    """A gigabyte of zeros is a megabyte on the wire; here a tenth of that."""
    packed = gzip.compress(bytes(GIGABYTE // 10))
    return ok(packed, f"Content-Length: {len(packed)}", "Content-Type: text/plain", "Content-Encoding: gzip")
