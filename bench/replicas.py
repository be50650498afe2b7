"""Two replicas on one PostgreSQL beside one alone: CPU of a delivery, doubles; and a kill -9. `make bench`.

Real processes, a real PostgreSQL (of the pip package, or $TEST_POSTGRES_URL), a receiver that does next to nothing in
a process of its own; 64 deliveries in flight in all, either way. Judged: no delivery arrives twice while all replicas
live; two replicas use at most 1.25 times the CPU of one for a delivery; and when one is killed for good, the
other delivers all that it held within its lease + 5 s. Shown only: the rates, and how much faster two are. All share
the cores of this machine with the database and the receiver, which decides that.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import uvloop
from harness import Server, kept

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from sqlalchemy import URL
from support import postgres, process
from support.process import Served
from support.stored import stored_at

from app.delivery.fan_out import Subscriptions
from app.delivery.queue import IncomingReport
from app.delivery.target import Target
from app.delivery.worker import LEASE_MARGIN
from app.plivo.messages import DeliveryReport
from app.store import Store, open_store
from app.store.delivery_commands import Pause, pause, resume

COUNT, IN_FLIGHT, ROUNDS = 12_000, 64, 2
PROMISE = 1.25  # times the CPU of one, for a delivery
TIMEOUT = 1  # seconds of the target, so that a lease is short
SLOW = 0.5  # seconds that the receiver takes while one is killed, so that it holds what it may
FEW, AFTER = 600, 200  # deliveries, and how many of them are done when one is killed
WITHIN = 5  # seconds behind the lease
SUBSCRIPTIONS = Subscriptions({"crm": Target("crm", "http://127.0.0.1/")}, lambda _number: None, {})
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Sink(asyncio.Protocol):
    """Answers 204 to each POST, at once or after half a second, and counts its id; tells what it has counted."""

    ids: ClassVar[Counter[bytes]] = Counter()
    first = last = delay = 0.0
    lost = 0  # whoever asked was gone before the answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One of many."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """As many requests as are whole."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = int(_after(head, b"\r\ncontent-length: ") or 0)
            if len(self.buffer) < end + 4 + length:
                return
            self.buffer = self.buffer[end + 4 + length :]
            if head.startswith(b"get "):
                self._tell(forget=head.startswith(b"get /forget"))
                Sink.delay = SLOW if head.startswith(b"get /slow") else Sink.delay
            elif Sink.delay:
                loop = asyncio.get_running_loop()
                loop.call_later(Sink.delay, self._answer, _after(head, b"\r\nwebhook-id: "))
            else:
                self._answer(_after(head, b"\r\nwebhook-id: "))

    def _answer(self, identity: bytes) -> None:
        if self.transport.is_closing():
            Sink.lost += 1
            return
        if not Sink.ids[identity]:
            Sink.last = time.monotonic()
            Sink.first = Sink.first or Sink.last
        Sink.ids[identity] += 1
        self.transport.write(ANSWER)

    def _tell(self, *, forget: bool) -> None:
        told = {"ids": len(Sink.ids), "posts": Sink.ids.total(), "seconds": Sink.last - Sink.first, "last": Sink.last}
        body = json.dumps(told | {"lost": Sink.lost}).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        if forget:
            Sink.ids, Sink.first = Counter(), 0.0


def _after(head: bytes, name: bytes) -> bytes:
    start = head.find(name)
    return head[start + len(name) :].split(b"\r\n", 1)[0] if start >= 0 else b""


async def receive() -> None:
    """The receiver's process: prints its port."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Receiver:
    """That process, seen from here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader, self._writer, self.port = reader, writer, port

    async def told(self, path: str = "/") -> dict[str, float]:
        """What it has counted; `/forget`: and begins anew."""
        self._writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        got: dict[str, float] = json.loads(await self._reader.readexactly(int(_after(head, b"\r\ncontent-length: "))))
        return got

    async def wait_for(self, ids: int, seconds: float = 300.0) -> dict[str, float]:
        """Once so many have arrived."""
        async with asyncio.timeout(seconds):
            while (told := await self.told())["ids"] < ids:
                await asyncio.sleep(0.05)
        return told


def incoming(number: int) -> IncomingReport:
    """One report that the target wants."""
    fields = (("MessageUUID", f"m{number}"), ("Status", "delivered"), ("Sequence", "3"), ("To", "33700000001"))
    report = DeliveryReport(
        f"r{number}", f"m{number}", "delivered", "33644600000", "33700000001", 3, "", 1, None, fields
    )
    return IncomingReport(report, time.time(), "V3", (), SUBSCRIPTIONS, lambda _target, _accepted: False)


async def fill(store: Store, count: int) -> None:
    """Reports that are due, for a target that is paused."""
    await store.change(pause, Pause("bench", "crm"))
    await asyncio.gather(*(store.queue.accept(incoming(number)) for number in range(count)))


def start(stack: ExitStack, folder: Path, where: URL, port: int, replicas: int) -> list[Served]:
    """So many processes that share what may be in flight."""
    target = (
        f'[targets.crm]\nurl = "http://127.0.0.1:{port}/"\nconcurrency = {IN_FLIGHT // replicas}\n'
        f'timeout = "{TIMEOUT}s"\n'
    )
    config = f'{process.MINIMAL}\n[store]\nurl = "{postgres.written(where)}"\n{target}'
    services = []
    for number in range(replicas):
        place = folder / f"{where.database}-{number}"
        place.mkdir()
        services.append(stack.enter_context(process.served(place, config)))
    return services


@dataclass(frozen=True, slots=True)
class Delivered:
    """One round."""

    rate: float  # deliveries a second
    cpu: float  # seconds of our processes for each
    doubles: int


async def deliver(url: str, folder: Path, receiver: Receiver, replicas: int) -> Delivered:
    """Deliver what has been stored, from the first delivery to the last."""
    async with postgres.database(url) as where, open_store(stored_at(where), serving=False) as store:
        await fill(store, COUNT)
        with ExitStack() as stack:
            services = start(stack, folder, where, receiver.port, replicas)
            before = _cpu(services)
            await store.change(resume, Pause("bench", "crm"))
            await receiver.wait_for(COUNT)
            cpu = _cpu(services) - before
        told = await receiver.told("/forget")  # they have stopped: no double can follow
        return Delivered(COUNT / told["seconds"], cpu / COUNT, int(told["posts"]) - COUNT)


def _cpu(services: list[Served]) -> float:
    return sum(Server(0, service.process.pid).cpu() for service in services)


async def kill(url: str, folder: Path, receiver: Receiver) -> tuple[float, int, int]:
    """Seconds from the death of one of two until all is delivered; how many heard no answer, or came twice."""
    async with postgres.database(url) as where, open_store(stored_at(where), serving=False) as store:
        await fill(store, FEW)
        await receiver.told("/slow")
        with ExitStack() as stack:
            one, _ = start(stack, folder, where, receiver.port, 2)
            await store.change(resume, Pause("bench", "crm"))
            await receiver.wait_for(AFTER)
            one.kill()
            killed = time.monotonic()
            await receiver.wait_for(FEW)
        told = await receiver.told("/forget")
        return told["last"] - killed, int(told["lost"]), int(told["posts"]) - FEW


async def main() -> bool:
    """Prints the figures; whether the promises were kept."""
    sink = await asyncio.create_subprocess_exec(sys.executable, __file__, "receive", stdout=asyncio.subprocess.PIPE)
    assert sink.stdout
    port = int(await sink.stdout.readline())
    receiver = Receiver(*await asyncio.open_connection("127.0.0.1", port), port)
    with tempfile.TemporaryDirectory() as name, postgres.running() as url:
        await postgres.prepare(url)
        found: dict[int, list[Delivered]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for replicas, rounds in found.items():
                rounds.append(await deliver(url, Path(name), receiver, replicas))
        seconds, lost, twice = await kill(url, Path(name), receiver)
    sink.kill()
    await sink.wait()
    return all([show(found), takeover(seconds, lost, twice)])  # both are printed


def show(found: dict[int, list[Delivered]]) -> bool:
    """Print what one and two did; whether the promises were kept."""
    alone, together = (statistics.median(one.rate for one in rounds) for rounds in found.values())
    print(f"{IN_FLIGHT} in flight: one replica {alone:.0f} deliveries/s, two {together:.0f}: {together / alone:.2f}x")
    one, two = (statistics.median(one.cpu for one in rounds) for rounds in found.values())
    print(f"CPU of a delivery: one replica {1e6 * one:.0f} us, two {1e6 * two:.0f} us")
    doubles = sum(one.doubles for rounds in found.values() for one in rounds)
    results = [
        kept("CPU of a delivery, two replicas / one", two / one, at_most=PROMISE),
        kept("doubles while all live", doubles, at_most=0),
    ]
    return all(results)


def takeover(seconds: float, lost: int, twice: int) -> bool:
    """Print what the death of one did; whether the promise was kept."""
    lease = TIMEOUT + LEASE_MARGIN
    print(f"one of two killed with {lost + twice} leased, which it may have posted: {twice} doubles")
    return kept(f"seconds until all is delivered, the lease being {lease:.0f}", seconds, at_most=lease + WITHIN)


if __name__ == "__main__":
    sys.exit(uvloop.run(receive()) if sys.argv[1:] == ["receive"] else not uvloop.run(main()))
