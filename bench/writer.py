"""Group commit: how many messages a second the ledger keeps, alone and grouped. `make bench`.

Each message is recorded as the service does it (proofs, limits, the entry, what it uses up) on a real
SQLite file with synchronous=FULL. Prints rates, and the ratio of each to one at a time, of this run.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from app.guards import limits
from app.guards.ledger import Case, Entry, Memory, Pair, Proof, Ruling
from app.guards.limits import LimitOptions
from app.store import Keep, Store, StoreOptions, open_store

LOADS = ((1, 300), (4, 1_000), (32, 4_000), (256, 8_000))  # how many wait at a time, and how many in all
NUMBER = "33644600000"


def case(number: int) -> Case:
    """A message of a new sender, answered."""
    uuid, sender, at = f"bench-{number}", f"337{number:08d}", time.time()
    xml = b'<?xml version="1.0" encoding="UTF-8"?><Response><Message>Thanks.</Message></Response>'
    entry = Entry(
        uuid, at, sender, NUMBER, "sms", "", "hello", 1, (), "default", "text", "fixed text", (), xml, "V2", "-"
    )
    recall = limits.recall(LimitOptions(), at, Pair(NUMBER, sender), frozenset(), "default")

    def judge(_memory: Memory) -> Ruling:
        return Ruling(entry, "key", 1, frozenset({limits.ALL}))

    return Case(uuid, recall, judge, (Proof(uuid.encode(), b"value"),), claimed=False)


async def rate(store: Store, waiting: int, numbers: range) -> float:
    """Messages a second."""
    left = iter(numbers)

    async def client() -> None:
        for number in left:
            await store.ledger.record(case(number))

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(waiting)))
    return len(numbers) / (time.perf_counter() - started)


async def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        options = StoreOptions(Path(folder, "bench.db"), Keep(30 * limits.DAY, 14 * limits.DAY))
        async with open_store(options, serving=True) as store:
            alone, first = 0.0, 0
            for waiting, count in LOADS:
                found = await rate(store, waiting, range(first, first + count))
                alone, first = alone or found, first + count
                print(f"{waiting:>4} waiting: {found:>6.0f} messages/s, {found / alone:.1f}x one at a time")


if __name__ == "__main__":
    asyncio.run(main())
