"""One healthy target beside bad ones: does it notice? And are the bad ones left in peace? `make bench`.

500 reports, 25 a second, each wanted by five targets: one that hangs, one whose port is closed, one that answers 500,
one that takes 10 a second and says 429 to the rest, and a healthy one. After a minute all of them are well. Prints

* the p99 from our 200 to the healthy target's receipt (the promise: below 250 ms);
* how often those that refuse were asked in the first minute (the promise: fewer than 20 times);
* whether all 500 reached all five, and how long that took.

Lists of `retry` are short, so that this ends within two minutes; a real target's first tries are no more dense. What
a closed port was asked is counted in the log. Exits 1 if a promise is broken.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # Plivo's side, as the tests have it

from support import plivo_sdk, process, wire

REPORTS, RATE = 500, 25.0  # in all, and a second
ILL = 60.0  # seconds from the first report until the bad ones are well
PATIENCE = 120.0  # seconds after that
TAKES, WINDOW = 10, 1.0  # what the busy one takes in so many seconds
P99, ASKED = 250.0, 20  # the promises: milliseconds, times

TARGET = """
[targets.{name}]
url = "http://127.0.0.1:{port}/hook"
timeout = "2s"
retry = ["1s", "5s", "10s", "10s", "10s", "10s", "10s", "10s", "10s", "10s", "10s", "10s", "10s", "10s", "10s"]
"""
Answer = Callable[[], str | None]  # the status line and headers; None: none


@dataclass
class Receiver:
    """When each report came for the first time, and how often anything came."""

    answer: Answer
    first: dict[str, float] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)
    port: int = 0
    server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listens; on the same port as before, if there was one."""
        self.server = await asyncio.start_server(self._receive, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Nobody listens there any more."""
        assert self.server
        self.server.close()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(lengths[0].split(b":")[1]))
                self.asked.append(time.perf_counter())
                answer = self.answer()
                if answer is None:
                    await reader.read()  # until they have had enough
                    break
                if answer.startswith("2"):
                    self.first.setdefault(json.loads(body)["data"]["message_uuid"], time.perf_counter())
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # they have gone, or it is over
        writer.close()


class Scene:
    """The receivers, ill at first."""

    def __init__(self) -> None:
        self.well = False
        self._taken: list[float] = []
        self.receivers = {
            "hangs": Receiver(lambda: "204 x" if self.well else None),
            "closed": Receiver(lambda: "204 x"),
            "fails": Receiver(lambda: "204 x" if self.well else "500 x"),
            "busy": Receiver(self._busy),
            "healthy": Receiver(lambda: "204 x"),
        }

    def _busy(self) -> str:
        now = time.perf_counter()
        self._taken = [at for at in self._taken if at > now - WINDOW]
        if not self.well and len(self._taken) >= TAKES:
            return "429 x\r\nRetry-After: 1"
        self._taken.append(now)
        return "204 x"

    async def open(self) -> None:
        """All listen, but the closed one."""
        for receiver in self.receivers.values():
            await receiver.open()
        await self.receivers["closed"].close()

    async def recover(self) -> None:
        """All are well."""
        self.well = True
        await self.receivers["closed"].open()

    def missing(self) -> dict[str, int]:
        """How many reports each has not got yet."""
        return {name: REPORTS - len(one.first) for name, one in self.receivers.items() if len(one.first) < REPORTS}


async def report(service: process.Served, accepted: dict[str, float]) -> None:
    """One report, and when it was accepted."""
    params = plivo_sdk.report()
    status, _ = await asyncio.to_thread(wire.tell, service, params, "/report")
    accepted[dict(params)["MessageUUID"]] = time.perf_counter()
    assert status == 200, status


async def play(scene: Scene, service: process.Served) -> bool:
    """Prints the figures; whether the promises were kept."""
    accepted: dict[str, float] = {}
    started = time.perf_counter()
    for number in range(REPORTS):
        await asyncio.sleep(max(started + number / RATE - time.perf_counter(), 0.0))
        await report(service, accepted)
    await asyncio.sleep(max(started + ILL - time.perf_counter(), 0.0))
    asked = {name: len(one.asked) for name, one in scene.receivers.items()}
    asked["closed"] = sum("could not connect" in str(line.get("reason")) for line in _tries(service, "closed"))
    await scene.recover()
    while scene.missing() and time.perf_counter() < started + ILL + PATIENCE:
        await asyncio.sleep(0.1)
    waits = [max(at - accepted[uuid], 0.0) for uuid, at in scene.receivers["healthy"].first.items()]
    p99 = statistics.quantiles(waits, n=100)[98] * 1000
    print(f"healthy: from our 200 to its receipt p50 {statistics.median(waits) * 1000:.1f} ms, p99 {p99:.1f} ms")
    print(f"asked in the first {ILL:.0f} s: " + ", ".join(f"{name} {count}" for name, count in asked.items()))
    print(f"all five have all {REPORTS} {time.perf_counter() - started - ILL:.0f} s later; missing: {scene.missing()}")
    return p99 < P99 and max(asked["closed"], asked["fails"], asked["hangs"]) < ASKED and not scene.missing()


def _tries(service: process.Served, target: str) -> list[dict[str, object]]:
    rescheduled = {"delivery rescheduled", "delivery marked dead"}
    return [line for line in service.lines() if line.get("event") in rescheduled and line.get("target") == target]


async def main() -> bool:
    """One service, five receivers; whether the promises were kept."""
    scene = Scene()
    await scene.open()
    targets = [TARGET.format(name=name, port=one.port) for name, one in scene.receivers.items()]
    config = "".join([process.MINIMAL, *targets])
    with tempfile.TemporaryDirectory() as folder, process.served(Path(folder), config) as service:
        return await play(scene, service)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
