"""One protocol over sqlite3 and asyncpg: the same results, the same counts; work in a thread never suspends."""

import asyncio
import gc
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from support.stored import entry

from app.store import Store
from app.store.database import insert_new
from app.store.driver import Connection, Row, run_in_thread
from app.store.schema import messages, pauses
from app.store.statement import Statement, values_of

PAUSE = Statement(insert_new(pauses).values(values_of(pauses)), counted=True)
PAUSE_UNCOUNTED = Statement(insert_new(pauses).values(values_of(pauses)))
TARGETS = Statement(sa.select(pauses.c.target).order_by(pauses.c.target))
FREE = Statement(sa.delete(pauses).where(pauses.c.paused_at < sa.bindparam("before")), counted=True)


def rows(*names: str) -> list[dict[str, object]]:
    """Rows of `pauses`."""
    return [{"target": name, "paused_at": float(number)} for number, name in enumerate(names)]


async def test_many_rows_are_counted_by_what_they_changed(store: Store) -> None:
    """An insert that meets rows counts the new ones; an update or delete every row that it touched."""

    async def work(connection: Connection) -> list[int]:
        return [
            await connection.execute_many(PAUSE, rows("a", "b")),
            await connection.execute_many(PAUSE, rows("a", "b", "c")),
            await connection.execute_many(PAUSE, []),
            await connection.execute_many(FREE, [{"before": 1.0}, {"before": 9.0}]),
        ]

    assert await store.database.write(work) == [2, 1, 0, 3]


async def test_execute_and_fetch_share_the_transaction(store: Store) -> None:
    """What was written before is read; nothing of it stays if the work breaks."""

    async def work(connection: Connection) -> list[Row]:
        await connection.execute(PAUSE, rows("crm")[0])
        await connection.execute_many(PAUSE_UNCOUNTED, rows("a", "b"))
        return await connection.fetch(TARGETS, {})

    async def breaking(connection: Connection) -> None:
        await work(connection)
        raise LookupError

    async def read(connection: Connection) -> list[Row]:
        return await connection.fetch(TARGETS, {})

    with pytest.raises(LookupError):
        await store.database.write(breaking)
    assert await store.database.write(read) == []
    assert [row[0] for row in await store.database.write(work)] == ["a", "b", "crm"]


async def test_shared_where_other_processes_may_write(store: Store, engine: str) -> None:
    """SQLite has one writer at a time; on PostgreSQL replicas must hold locks."""

    async def work(connection: Connection) -> bool:
        return connection.shared

    assert await store.database.write(work) == (engine == "postgresql")


async def test_bytes_and_nothing_come_back(store: Store) -> None:
    """Types of both drivers are Python's: bytes, None, floats."""
    await store.journal.record(entry())
    statement = Statement(sa.select(messages.c.xml, messages.c.owner, messages.c.received_at, messages.c.id))

    async def work(connection: Connection) -> Sequence[Row]:
        return await connection.fetch(statement, {})

    ((xml, owner, at, number),) = await store.database.write(work)
    assert (type(xml), owner, type(at), type(number)) == (bytes, None, float, int)


def test_work_in_a_thread_returns_or_raises() -> None:
    """A coroutine that never suspends runs to its end without a loop."""

    async def inner() -> int:
        return 3

    async def outer() -> int:
        return await inner() + 4

    async def breaking() -> None:
        raise LookupError

    assert run_in_thread(outer()) == 7
    with pytest.raises(LookupError):
        run_in_thread(breaking())


def test_work_that_would_suspend_is_refused() -> None:
    """A verb that waits for the loop would hang the writer's thread: it is closed, and told."""
    closed: list[bool] = []

    async def waiting() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="must not wait for the event loop"):
        run_in_thread(waiting())
    assert closed == [True]
    gc.collect()  # a coroutine that was never awaited would warn here


@pytest.mark.usefixtures("path")
async def test_verb_that_waits_costs_nobody_else(store: Store) -> None:
    """The writer goes on, and nothing of the refused work is kept."""

    async def waiting(connection: Connection, items: Sequence[str]) -> list[str]:
        await connection.execute(PAUSE, rows("crm")[0])
        await asyncio.sleep(0)
        return list(items)

    results = await asyncio.gather(store.writer.submit(waiting, "x"), store.check(), return_exceptions=True)
    assert [str(one) for one in results] == ["the store cannot write: RuntimeError", "None"]
    async with store.engine.connect() as connection:
        assert (await connection.execute(sa.select(pauses))).all() == []
