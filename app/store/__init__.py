"""The only package with SQL. `open_store` opens the journal, the delivery queue and the writer behind them.

One set of statements serves every database. What differs between databases is in `database.py`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.plivo.refusals import Unavailable
from app.settings import StoreSettings
from app.store import migrations, retention
from app.store.clock import Clock, never_back, now
from app.store.database import BrokenStore, Database, StoreInUse, insert_new, readers
from app.store.deliveries import SqlDeliveryQueue
from app.store.driver import Connection
from app.store.errors import StoreError, described
from app.store.journal import SqlJournal
from app.store.migrations import NewerStore
from app.store.postgres import Postgres, server_url
from app.store.schema import heartbeat
from app.store.served_file import ServedFile, serve_file
from app.store.sqlite import Sqlite, tables_of
from app.store.statement import Statement
from app.store.writer import Committed, Writer, ignore

__all__ = [
    "BrokenStore",
    "NewerStore",
    "Store",
    "StoreInUse",
    "open_database",
    "open_store",
    "server_url",
]


T = TypeVar("T")
R = TypeVar("R")

CLOSING = 2.0  # seconds for what waits to be written; a store that hangs must not make a stop late


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. If one of its tasks ends, nothing is durable any more. Retention runs only in a serving store."""

    engine: AsyncEngine
    writer: Writer
    journal: SqlJournal
    queue: SqlDeliveryQueue
    database: Database
    tasks: tuple[asyncio.Task[None], ...]

    async def check(self) -> None:
        """Write a heartbeat. Raises `Unavailable` if the store cannot write."""
        await self.writer.submit(_beat, None)

    async def change(self, verb: Callable[[sa.Connection, Sequence[T]], Sequence[R]], item: T) -> R:
        """Run a change by an operator, or by the service itself, in its own transaction. Raises `Unavailable`."""
        try:
            return await self.database.transact(lambda connection: verb(connection, [item])[0])
        except StoreError as error:
            message = f"the store cannot write: {error}"
            raise Unavailable(message) from error

    async def erase(self) -> None:
        """Overwrite deleted data in the store's files. On PostgreSQL this is left to vacuum.

        Raises `Unavailable`.
        """
        try:
            await self.database.erase()
        except StoreError as error:
            message = f"the rows are deleted, but the store's files still contain them: {error}"
            raise Unavailable(message) from error


@asynccontextmanager
async def open_store(
    options: StoreSettings,
    *,
    serving: bool,
    migrate: bool = True,
    clock: Clock | None = None,
    committed: Committed = ignore,
) -> AsyncIterator[Store]:
    """Open and migrate a store. `serving` locks a SQLite file for this process; commands may use it at the same time.

    Raises `StoreInUse`, `NewerStore` or `BrokenStore`.
    """
    async with (
        open_database(options, serving=serving, migrate=migrate, clock=clock) as database,
        _running(database, options, committed, serving=serving) as store,
    ):
        yield store


@asynccontextmanager
async def open_database(
    options: StoreSettings, *, serving: bool, migrate: bool = True, clock: Clock | None = None
) -> AsyncIterator[Database]:
    """Open and migrate the database of a store. Raises what `open_store` raises."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            file = None
            if options.file:
                options.file.parent.mkdir(parents=True, exist_ok=True)
                migrations.refuse_foreign(tables_of(options.file), options.shown, is_server=False)
                options.file.touch(mode=0o600)  # texts and numbers; SQLite gives its other files the same mode
                file = stack.enter_context(serve_file(options.file)) if serving else None
            database = _database(options, clock or never_back(time.time, time.monotonic), file)
            stack.push_async_callback(database.close)
            await _migrate(database, options, due_is_fatal=not migrate)
        except (OSError, DBAPIError, StoreError) as error:
            raise BrokenStore(f"{options.shown}: {described(error)}; {_advice(options)}") from error
        yield database


def _advice(options: StoreSettings) -> str:
    if options.file:
        return "check that the folder exists, is writable and is on a local disk"
    return "check that the server is running and accepts this user"


def _database(options: StoreSettings, clock: Clock, file: ServedFile | None) -> Database:
    return Sqlite(options.file, clock, file) if options.file else Postgres(server_url(options.url))


async def _migrate(database: Database, options: StoreSettings, *, due_is_fatal: bool) -> None:
    async with readers(database.engine).connect() as connection:
        if options.file is None:
            tables = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
            migrations.refuse_foreign(tables, options.shown, is_server=True)
        if await connection.run_sync(migrations.is_current):
            return
    if due_is_fatal:
        raise BrokenStore("the store needs a migration: run `plivo-autoreply migrate`, or serve without --no-migrate")
    async with database.patient.begin() as connection:
        await connection.run_sync(migrations.upgrade)


@asynccontextmanager
async def _running(
    database: Database, options: StoreSettings, committed: Committed, *, serving: bool
) -> AsyncIterator[Store]:
    writer = Writer(database.write, committed)
    tasks = [asyncio.create_task(writer.run(), name="writer")]
    if serving:
        tasks.append(asyncio.create_task(retention.run(database.write, options), name="retention"))
        tasks += [asyncio.create_task(watch(), name="watch") for watch in database.watches]
    try:
        yield Store(
            database.engine,
            writer,
            SqlJournal(writer),
            SqlDeliveryQueue(database.engine, writer, keep_responses=options.keep_text > 0),
            database,
            tuple(tasks),
        )
    finally:
        for task in tasks[1:]:
            task.cancel()
        writer.close()
        await asyncio.wait(tasks, timeout=CLOSING)


_FIRST_BEAT = Statement(insert_new(heartbeat).values(id=1, at=now()))
_BEAT = Statement(sa.update(heartbeat).values(at=now()))


async def _beat(connection: Connection, beats: Sequence[None]) -> list[None]:
    await connection.execute(_FIRST_BEAT, {})
    await connection.execute(_BEAT, {})
    return list(beats)
