"""Forwarding: how many deliveries a second reach one fast target, beside a default httpx client. `make bench`.

Both post the same bodies to the same receiver in this process's loop, 50 at a time. The service's figure includes
leases and settles on a real SQLite file with synchronous=FULL.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from app.outbound import Outbound
from app.plivo.messages import Report
from app.reports.backlog import Backlog
from app.reports.formats import as_json
from app.reports.lane import Chance, Lane
from app.reports.outbox import Delivery, Parcel
from app.reports.target import Target
from app.store import Keep, Store, StoreOptions, open_store

COUNT, IN_FLIGHT = 2_000, 50
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def parcel(number: int) -> Parcel:
    """One report."""
    fields = (("MessageUUID", f"m{number}"), ("Status", "delivered"), ("Sequence", "3"), ("To", "33700000001"))
    report = Report(f"r{number}", f"m{number}", "delivered", "33644600000", "33700000001", 3, "", 1, None, fields)
    return Parcel(report, time.time(), "shop", "menu", ("crm",), "V3")


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
                body, headers = as_json(Delivery(number, "", 1, stale=False, parcel=parcel(number)))
                await client.post(url, content=body, headers=headers)

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return COUNT / (time.perf_counter() - started)


async def by_service(url: str) -> float:
    """Deliveries a second of a lane."""
    with tempfile.TemporaryDirectory() as folder:
        options = StoreOptions(Path(folder, "bench.db"), Keep(86400.0 * 30, 86400.0))
        async with open_store(options, serving=True) as store:
            await asyncio.gather(*(store.outbox.put(parcel(number)) for number in range(COUNT)))
            target = Target("crm", url, concurrency=IN_FLIGHT)
            async with Outbound(connections=IN_FLIGHT, user_agent="bench") as client:
                backlog = Backlog({"crm": target}, store.outbox.waiting)
                chance = Chance(time.time, time.monotonic, lambda: 1.0)
                lane = Lane(target, store.outbox, client, chance, backlog)
                started = time.perf_counter()
                running = asyncio.create_task(lane.run())
                while await _due(store):
                    await asyncio.sleep(0.02)
                taken = time.perf_counter() - started
                await lane.stop(1)
                await running
            return COUNT / taken


async def _due(store: Store) -> int:
    return sum((await store.outbox.waiting()).values())


async def main() -> None:
    """Prints the figures."""
    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    plain = await by_httpx(url)
    service = await by_service(url)
    print(f"{IN_FLIGHT} in flight: default httpx {plain:.0f} posts/s, the forwarder {service:.0f} deliveries/s")
    print(f"ratio {service / plain:.2f}")
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
