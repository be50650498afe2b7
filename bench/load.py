"""Send prepared requests over keep-alive connections, one in flight on each; a process of its own.

`python bench/load.py PORT CONNECTIONS SECONDS RATE FILE` prints one JSON object: responses by status, seconds taken,
p50 and p99 in milliseconds. RATE is requests a second, 0 for as many as possible; with a rate, a request that has to
wait for a free connection counts from the moment at which it was due. FILE holds whole HTTP requests, each after its
length (4 bytes, big-endian). None is sent twice; the run ends early if the file runs out.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

LOST = "connection lost"  # instead of a status


def write_requests(path: Path, requests: Iterable[bytes]) -> None:
    """Write the file that `read_requests` reads."""
    path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in requests))


def read_requests(path: Path) -> list[bytes]:
    """The requests of a file."""
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


@dataclass
class Run:
    """What is still to be sent, and what came back."""

    requests: list[bytes]
    started: float
    seconds: float
    rate: float
    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)

    def take(self) -> tuple[bytes, float] | None:
        """The next request and when it is due; None at the end."""
        now = time.perf_counter()
        due = self.started + self.sent / self.rate if self.rate else now
        if max(due, now) >= self.started + self.seconds or self.sent == len(self.requests):
            return None
        self.sent += 1
        return self.requests[self.sent - 1], due

    def result(self) -> dict[str, object]:
        """The figures."""
        times = sorted(self.latencies) or [0.0]
        return {
            "statuses": dict(self.statuses),
            "seconds": time.perf_counter() - self.started,
            "p50": 1000 * times[len(times) // 2],
            "p99": 1000 * times[len(times) * 99 // 100],
        }


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._due: float | None = None  # of the request in flight
        self.done = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count the response once it is whole, and go on."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + size or self._due is None:
            return
        self._run.statuses[self._buffer[9:12].decode()] += 1
        self._run.latencies.append(time.perf_counter() - self._due)
        self._buffer, self._due = self._buffer[end + 4 + size :], None
        self._next()

    def connection_lost(self, _error: Exception | None) -> None:
        """Count a request that got no response."""
        if self._due is not None:
            self._run.statuses[LOST] += 1
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        taken = self._run.take()
        if taken is None:
            self._transport.close()
            return
        request, due = taken
        wait = due - time.perf_counter()
        if wait > 0:
            self._loop.call_later(wait, self._send, request, due)
        else:
            self._send(request, due)

    def _send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)


async def main(port: int, connections: int, seconds: float, rate: float, path: Path) -> dict[str, object]:
    """The figures of one run."""
    run = Run(read_requests(path), time.perf_counter(), seconds, rate)
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Caller(run), "127.0.0.1", port) for _ in range(connections)]
    await asyncio.gather(*(caller.done for _, caller in made))
    return run.result()


if __name__ == "__main__":
    port_, connections_, seconds_, rate_, path_ = sys.argv[1:]
    figures = uvloop.run(main(int(port_), int(connections_), float(seconds_), float(rate_), Path(path_)))
    print(json.dumps(figures))
