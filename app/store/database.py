"""One engine for a store: what differs between databases is here, and nowhere else.

SQLite: WAL, synchronous=FULL (a commit survives a power cut), BEGIN IMMEDIATE for whoever writes,
and one serving process by flock. The database's clock is `now()`; on SQLite it is a Python function,
so that a test can drive it.
"""

import asyncio
import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

BUSY_SECONDS = 5  # how long a writer waits for another process's transaction; a command's takes milliseconds

Clock = Callable[[], float]
R = TypeVar("R")


class StoreInUse(Exception):
    """Another process serves from this store."""


class now(FunctionElement[float]):  # noqa: N801 - reads as SQL
    """Seconds since the epoch, by the database's clock."""

    type = sa.Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    return "autoreply_now()"


def insert_new(table: sa.Table) -> sqlite.Insert:
    """INSERT that leaves rows alone which are there already."""
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or(
    table: sa.Table,
    update: Callable[[Any], Mapping[str, Any]],
    where: sa.ColumnElement[bool] | None = None,
) -> sqlite.Insert:
    """INSERT that updates the row that is there already; `update` gets the new values by name."""
    statement = sqlite.insert(table)
    key = list(table.primary_key.columns)
    return statement.on_conflict_do_update(index_elements=key, set_=update(statement.excluded), where=where)


def open_engine(path: Path, clock: Clock = time.time) -> AsyncEngine:
    """For readers, and for migrations. Nothing is opened yet; the folder must exist."""
    url = sa.URL.create("sqlite+aiosqlite", database=str(path))
    engine = create_async_engine(url, hide_parameters=True)
    _prepare(engine.sync_engine, clock)
    return engine


class WriterThread:
    """One connection in a thread of its own: a group of writes costs one hop between threads, not one a statement."""

    def __init__(self, path: Path, clock: Clock = time.time) -> None:
        self.engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), hide_parameters=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        _prepare(self.engine, clock)

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """What `work` returns, once it is committed. A caller that is cancelled does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        """Ends the thread, when what it does is done."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.engine.dispose)
        self._thread.shutdown()

    def _transact(self, work: Callable[[sa.Connection], R]) -> R:
        with self.engine.begin() as connection:
            return work(connection)


def _prepare(engine: sa.Engine, clock: Clock) -> None:
    """What each connection of a SQLite file needs."""

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by the listener below
        connection.create_function("autoreply_now", 0, clock)
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("autoreply_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def readers(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for those who only read: their transactions wait for nobody."""
    return engine.execution_options(autoreply_reads=True)


@contextmanager
def sole_server(path: Path) -> Iterator[None]:
    """Holds the store for one serving process. Raises `StoreInUse`."""
    lock = path.with_name(path.name + ".lock")
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{path} is served by another process; stop that one, or give this one a [store] url of its own"
            raise StoreInUse(message) from None
        yield
