"""Forwarding: how many deliveries a second reach one fast target, beside a default httpx client. `make bench`.

Both post the same bodies to the same receiver in this process's loop, 50 at a time. The service's figure includes
leases, settles and the row of each try, on a real SQLite file with synchronous=FULL and on a real PostgreSQL (of the
pip package, or $TEST_POSTGRES_URL). Judged: at least 3 times the rate of the default client. Shown only: the rates, and
the p99 of a POST.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import httpx
import sqlalchemy as sa
from harness import kept

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support import postgres  # a server, as the tests start it
from support.stored import stored_at

from app.delivery.backlog import Backlog
from app.delivery.fan_out import Subscriptions
from app.delivery.payloads import as_json
from app.delivery.queue import Delivery, IncomingReport, StoredReport
from app.delivery.target import Target
from app.delivery.worker import Clocks, TargetWorker
from app.http_client import HttpClient
from app.plivo.messages import DeliveryReport
from app.settings import StoreSettings
from app.store import Store, open_store
from app.store.schema import tries

COUNT, IN_FLIGHT = 2_000, 50
PROMISE = 3.0  # times the rate of a default client
SUBSCRIPTIONS = Subscriptions({"crm": Target("crm", "http://127.0.0.1/")}, lambda _number: None, {})
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def incoming(number: int) -> IncomingReport:
    """One report that the target wants."""
    fields = (("MessageUUID", f"m{number}"), ("Status", "delivered"), ("Sequence", "3"), ("To", "33700000001"))
    report = DeliveryReport(
        f"r{number}", f"m{number}", "delivered", "33644600000", "33700000001", 3, "", 1, None, fields
    )
    return IncomingReport(report, time.time(), "V3", (), SUBSCRIPTIONS, lambda _target, _accepted: False)


async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers 204 to everything."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(lengths[0].split(b":")[1]))
            writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def by_httpx(url: str) -> float:
    """Posts a second of a default client."""
    numbers = iter(range(COUNT))
    async with httpx.AsyncClient(trust_env=False) as client:

        async def worker() -> None:
            for number in numbers:
                one = incoming(number)
                stored = StoredReport(one.report, one.received_at, None, None, ("crm",), one.signed_by)
                body, headers = as_json(Delivery(number, "", 1, stale=False, content=stored))
                await client.post(url, content=body, headers=headers)

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return COUNT / (time.perf_counter() - started)


async def by_service(url: str, options: StoreSettings) -> tuple[float, float]:
    """Deliveries a second of a worker, and the seconds within which 99 of 100 of its POSTs were answered."""
    async with open_store(options, serving=True) as store:
        await asyncio.gather(*(store.queue.accept(incoming(number)) for number in range(COUNT)))
        target = Target("crm", url, concurrency=IN_FLIGHT)
        async with HttpClient(connections=IN_FLIGHT, user_agent="bench") as client:
            backlog = Backlog({"crm": target}, store.queue.waiting)
            worker = TargetWorker(target, store.queue, client, Clocks(time.time, time.monotonic, lambda: 1.0), backlog)
            started = time.perf_counter()
            running = asyncio.create_task(worker.run())
            while await _due(store):
                await asyncio.sleep(0.02)
            taken = time.perf_counter() - started
            await worker.stop(1)
            await running
        async with store.engine.connect() as connection:
            seconds = sorted(await connection.scalars(sa.select(tries.c.seconds)))
        assert len(seconds) == COUNT
        return COUNT / taken, seconds[COUNT * 99 // 100]


async def _due(store: Store) -> int:
    return sum((await store.queue.waiting()).values())


async def main() -> bool:
    """Print the figures; whether the promises were kept."""
    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    plain = await by_httpx(url)
    print(f"{IN_FLIGHT} in flight, default httpx: {plain:.0f} posts/s")
    ratios = {}
    with tempfile.TemporaryDirectory() as folder, postgres.running() as address:
        await postgres.prepare(address)
        async with postgres.database(address) as where:
            for name, place in (("SQLite", Path(folder, "bench.db")), ("PostgreSQL", where)):
                rate, p99 = await by_service(url, stored_at(place))
                print(f"{IN_FLIGHT} in flight, on {name}: {rate:.0f} deliveries/s; p99 of a POST {p99 * 1000:.0f} ms")
                ratios[name] = rate / plain
    server.close()
    results = [kept(f"{name}: rate / default httpx", ratio, at_least=PROMISE) for name, ratio in ratios.items()]
    return all(results)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
