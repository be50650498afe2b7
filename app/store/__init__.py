"""The one place that speaks SQL. `open_store` gives the ledger, the outbox and the writer behind them.

One statement set serves every database; what differs stands in `database.py`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store import migrations, retention
from app.store.database import Clock, StoreInUse, WriterThread, insert_new, now, open_engine, readers, sole_server
from app.store.ledger import StoredLedger
from app.store.migrations import NewerStore
from app.store.outbox import StoredOutbox
from app.store.retention import Keep
from app.store.tables import heartbeat
from app.store.writer import Writer, reason

__all__ = ["BrokenStore", "Keep", "NewerStore", "Store", "StoreInUse", "StoreOptions", "open_store"]


class BrokenStore(Exception):
    """The store cannot be opened; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Where the store is and how long it keeps."""

    path: Path
    keep: Keep


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. If one of its tasks ends, nothing is durable any more; only a serving one is swept."""

    engine: AsyncEngine
    writer: Writer
    ledger: StoredLedger
    outbox: StoredOutbox
    tasks: tuple[asyncio.Task[None], ...]

    async def check(self) -> None:
        """Writes a heartbeat. Raises `Unavailable` if the store cannot write."""
        await self.writer.submit(_beat, None)


@asynccontextmanager
async def open_store(options: StoreOptions, *, serving: bool, clock: Clock = time.time) -> AsyncIterator[Store]:
    """Opens and migrates. `serving` holds the store for this process; commands may work beside it.

    Raises `StoreInUse`, `NewerStore`, `BrokenStore`.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            options.path.parent.mkdir(parents=True, exist_ok=True)
            if serving:
                stack.enter_context(sole_server(options.path))
            engine = open_engine(options.path, clock)
            stack.push_async_callback(engine.dispose)
            thread = WriterThread(options.path, clock)
            stack.push_async_callback(thread.close)
            await _migrate(engine)
        except (OSError, DBAPIError) as error:
            message = f"{options.path}: {reason(error)}; is the folder there, writable, and on a local disk?"
            raise BrokenStore(message) from error
        async with _running(engine, thread, options.keep if serving else None) as store:
            yield store


async def _migrate(engine: AsyncEngine) -> None:
    async with readers(engine).connect() as connection:
        if await connection.run_sync(migrations.current) == migrations.HEAD:
            return
    async with engine.begin() as connection:
        await connection.run_sync(migrations.upgrade)


@asynccontextmanager
async def _running(engine: AsyncEngine, thread: WriterThread, keep: Keep | None) -> AsyncIterator[Store]:
    writer = Writer(thread.transact)
    tasks = [asyncio.create_task(writer.run(), name="writer")]
    if keep is not None:
        tasks.append(asyncio.create_task(retention.run(writer, keep), name="retention"))
    try:
        yield Store(engine, writer, StoredLedger(engine, writer), StoredOutbox(writer), tuple(tasks))
    finally:
        for task in tasks[1:]:
            task.cancel()
        writer.close()
        await asyncio.wait(tasks)


def _beat(connection: sa.Connection, beats: Sequence[None]) -> list[None]:
    connection.execute(insert_new(heartbeat).values(id=1, at=now()))
    connection.execute(sa.update(heartbeat).values(at=now()))
    return list(beats)
