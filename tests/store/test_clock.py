"""The database's clock: the one that was given, asked once a transaction, and never going back."""

from itertools import count
from pathlib import Path

import sqlalchemy as sa
from support.stored import NINE, Clock, incoming, stored_at

from app.store import Store, open_store
from app.store.clock import never_back, now
from app.store.driver import Connection
from app.store.schema import pauses
from app.store.statement import Statement

PAUSE = Statement(sa.insert(pauses).values(target=sa.bindparam("target"), paused_at=now()))
PAUSED = Statement(sa.select(pauses.c.paused_at, now()))


async def test_now_is_the_clock_that_was_given(store: Store, clock: Clock) -> None:
    """Due times go by the store's clock, which a test can drive."""
    await store.queue.accept(incoming())
    await store.check()
    clock.advance(7)
    await store.check()
    async with store.engine.connect() as connection:
        assert (await connection.execute(sa.text("SELECT at FROM heartbeat"))).scalars().all() == [NINE + 7]
        assert (await connection.execute(sa.text("SELECT due_at FROM deliveries"))).scalars().all() == [NINE]


async def test_one_time_for_a_transaction(path: Path) -> None:
    """SQLite's clock is asked once, however many rows a transaction writes, and its queries get the same time."""
    ticks = count()

    async def work(connection: Connection) -> set[float]:
        await connection.execute(PAUSE, {"target": "first"})
        await connection.execute_many(PAUSE, [{"target": str(number)} for number in range(50)])
        return {at for row in await connection.fetch(PAUSED, {}) for at in row}

    async with open_store(stored_at(path), serving=True, clock=lambda: float(next(ticks))) as store:
        before = next(ticks)
        assert await store.database.write(work) == {before + 1.0}


def test_a_clock_that_is_put_back_goes_on() -> None:
    """Seconds stay seconds for what waits, whichever way the wall clock is set; forwards it is followed."""
    wall, monotonic = [1_000.0], [5.0]
    clock = never_back(lambda: wall[0], lambda: monotonic[0])
    said = [clock()]
    for step, passed in ((2.0, 2.0), (-3_600.0, 1.0), (1.0, 1.0), (7_200.0, 0.0), (1.0, 1.0)):
        wall[0], monotonic[0] = wall[0] + step, monotonic[0] + passed
        said.append(clock())
    assert said == [1_000.0, 1_002.0, 1_003.0, 1_004.0, 4_603.0, 4_604.0]
