"""Group commit: how many messages a second the journal keeps, alone and grouped, on each engine. `make bench`.

Each message is recorded as the service does it (proofs, limits, the entry, what it uses up) on a real SQLite file
with synchronous=FULL, then on a real PostgreSQL (of the pip package, or $TEST_POSTGRES_URL). Judged: the best rate is
at least 10 times that of one at a time; but not where an fsync takes less than 100 us, for then there is nothing to
share. Shown only: the rates.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from harness import kept

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support import postgres
from support.stored import stored_at

from app.plivo.markup import Callback
from app.plivo.messages import InboundMessage, Outgoing, Proof, Verified
from app.policies.policies import Policies
from app.replies.decide import candidate
from app.replies.journal import Arrival, Submission
from app.replies.proposals import Evaluation
from app.rules.outcome import Answers, Outcome
from app.settings import StoreSettings
from app.store import Store, open_store

QUICK = 100e-6  # seconds of an fsync; a disk that keeps what it says takes longer
PROMISE = 10
LOADS = ((1, 300), (4, 1_000), (32, 4_000), (256, 8_000))  # how many wait at a time, and how many in all
NUMBER = "33644600000"


CALLBACK = Callback("https://sms.example.com/report", "POST")
POLICIES = Policies()


def submission(number: int) -> Submission:
    """A message of a new sender, answered with a fixed text."""
    uuid, sender, at = f"bench-{number}", f"337{number:08d}", time.time()
    message = InboundMessage.of(uuid, sender, NUMBER, "hello")
    request = Verified("/message", (), (Proof(uuid.encode(), b"value"),), "V2", 1)
    answer = Answers((Outgoing(NUMBER, (sender,), "Thanks."),), "fixed text")
    evaluation = Evaluation(at, "default", POLICIES.default, None, outcome=Outcome(answer, "text", ()))
    arrival = Arrival(message, request, at, "default", "-", keep_text=True, policies=POLICIES, callback=CALLBACK)
    ready = candidate(message, evaluation, POLICIES, CALLBACK, "V2")
    return Submission(arrival, ready, claimed=False, waited_for=True)


async def rate(store: Store, waiting: int, numbers: range) -> float:
    """Messages a second."""
    left = iter(numbers)

    async def client() -> None:
        for number in left:
            await store.journal.record(submission(number))

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(waiting)))
    return len(numbers) / (time.perf_counter() - started)


async def engine(name: str, options: StoreSettings) -> float:
    """Prints the figures of one engine; the best ratio."""
    async with open_store(options, serving=True) as store:
        rates: list[float] = []
        first = 0
        for waiting, count in LOADS:
            rates.append(await rate(store, waiting, range(first, first + count)))
            first += count
            print(
                f"{name}, {waiting:>3} waiting: {rates[-1]:>6.0f} messages/s, {rates[-1] / rates[0]:.1f}x one at a time"
            )
    return max(rates) / rates[0]


def fsync_seconds(folder: Path) -> float:
    """The median of a few."""
    taken = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(51):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - started)
    return sorted(taken)[25]


async def main() -> bool:
    """Print the figures; whether the promises were kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fsync = fsync_seconds(folder)
        print(f"one fsync here: {fsync * 1e6:.0f} us")
        best = {"SQLite": await engine("SQLite", stored_at(folder / "bench.db"))}
        with postgres.running() as url:
            await postgres.prepare(url)
            async with postgres.database(url) as where:
                best["PostgreSQL"] = await engine("PostgreSQL", stored_at(where))
    if fsync < QUICK:
        print("not judged: an fsync is too quick here")
        return True
    results = [kept(f"{name}: many / one at a time", ratio, at_least=PROMISE) for name, ratio in best.items()]
    return all(results)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
