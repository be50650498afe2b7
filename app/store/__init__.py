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
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store import migrations, retention
from app.store.database import BrokenStore, Clock, Database, StoreInUse, insert_new, never_back, now, readers
from app.store.deliveries import SqlDeliveryQueue
from app.store.ledger import StoredLedger
from app.store.migrations import NewerStore
from app.store.postgres import Postgres, server_url
from app.store.retention import Keep
from app.store.schema import heartbeat
from app.store.served_file import ServedFile, serve_file
from app.store.sqlite import Sqlite
from app.store.writer import Committed, Writer, nobody, reason

__all__ = [
    "URL",
    "BrokenStore",
    "Keep",
    "NewerStore",
    "Store",
    "StoreInUse",
    "StoreOptions",
    "open_database",
    "open_store",
    "server_url",
]


CLOSING = 2.0  # seconds for what waits to be written; a store that hangs must not make a stop late


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Where the store is, a file or a server, how long it keeps, and how much of a file's disk stays free."""

    where: Path | URL
    keep: Keep
    reserve: int | None = None  # bytes; None: the default of `disk.py`

    @property
    def shown(self) -> str:
        """Where, without a password."""
        if isinstance(self.where, Path):
            return str(self.where)
        return self.where.set(drivername="postgresql").render_as_string(hide_password=True)


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. If one of its tasks ends, nothing is durable any more; only a serving one is swept."""

    engine: AsyncEngine
    writer: Writer
    ledger: StoredLedger
    outbox: SqlDeliveryQueue
    tasks: tuple[asyncio.Task[None], ...]

    async def check(self) -> None:
        """Writes a heartbeat. Raises `Unavailable` if the store cannot write."""
        await self.writer.submit(_beat, None)


@asynccontextmanager
async def open_store(
    options: StoreOptions,
    *,
    serving: bool,
    migrate: bool = True,
    clock: Clock | None = None,
    committed: Committed = nobody,
) -> AsyncIterator[Store]:
    """Opens and migrates. `serving` holds a file for this process; commands may work beside it.

    Raises `StoreInUse`, `NewerStore`, `BrokenStore`.
    """
    async with (
        open_database(options, serving=serving, migrate=migrate, clock=clock) as database,
        _running(database, options.keep if serving else None, committed) as store,
    ):
        yield store


@asynccontextmanager
async def open_database(
    options: StoreOptions, *, serving: bool, migrate: bool = True, clock: Clock | None = None
) -> AsyncIterator[Database]:
    """What is under a store, migrated. Raises as `open_store` does."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            file = None
            if isinstance(options.where, Path):
                options.where.parent.mkdir(parents=True, exist_ok=True)
                options.where.touch(mode=0o600)  # texts and numbers; SQLite gives its other files the same mode
                file = stack.enter_context(serve_file(options.where)) if serving else None
            database = _database(options.where, clock or never_back(time.time, time.monotonic), file)
            stack.push_async_callback(database.close)
            await _migrate(database, due_is_fatal=not migrate)
        except (OSError, DBAPIError) as error:
            raise BrokenStore(f"{options.shown}: {reason(error)}; {_advice(options.where)}") from error
        yield database


def _advice(where: Path | URL) -> str:
    if isinstance(where, Path):
        return "is the folder there, writable, and on a local disk?"
    return "is the server up, and does it let this user in?"


def _database(where: Path | URL, clock: Clock, file: ServedFile | None) -> Database:
    if isinstance(where, Path):
        return Sqlite(where, clock, file)
    return Postgres(where)


async def _migrate(database: Database, *, due_is_fatal: bool) -> None:
    async with readers(database.engine).connect() as connection:
        if await connection.run_sync(migrations.is_current):
            return
    if due_is_fatal:
        raise BrokenStore("the store needs a migration: run `plivo-autoreply migrate`, or serve without --no-migrate")
    async with database.patient.begin() as connection:
        await connection.run_sync(migrations.upgrade)


@asynccontextmanager
async def _running(database: Database, keep: Keep | None, committed: Committed) -> AsyncIterator[Store]:
    writer = Writer(database.transact, committed)
    tasks = [asyncio.create_task(writer.run(), name="writer")]
    if keep is not None:
        tasks.append(asyncio.create_task(retention.run(database.transact, keep), name="retention"))
        tasks += [asyncio.create_task(watch(), name="watch") for watch in database.watches]
    try:
        yield Store(
            database.engine,
            writer,
            StoredLedger(database.engine, writer),
            SqlDeliveryQueue(database.engine, writer),
            tuple(tasks),
        )
    finally:
        for task in tasks[1:]:
            task.cancel()
        writer.close()
        await asyncio.wait(tasks, timeout=CLOSING)


def _beat(connection: sa.Connection, beats: Sequence[None]) -> list[None]:
    connection.execute(insert_new(heartbeat).values(id=1, at=now()))
    connection.execute(sa.update(heartbeat).values(at=now()))
    return list(beats)
