"""SQLite, the embedded store: WAL, synchronous=FULL (a commit survives a power cut), BEGIN IMMEDIATE for whoever
writes, and one serving process by flock. Its clock is a Python function, so that a test can drive it.
"""

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.database import Clock, R, StoreInUse

BUSY_SECONDS = 5  # how long a writer waits for another process's transaction; a command's takes milliseconds


class Sqlite:
    """A file. The writer's connection has a thread of its own: a group of writes costs one hop between threads, not
    one a statement.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.engine = create_async_engine(sa.URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True)
        self.patient = self.engine
        self.writing = sa.create_engine(sa.URL.create("sqlite", database=str(path)), hide_parameters=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        _prepare(self.engine.sync_engine, clock)
        _prepare(self.writing, clock)

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """See `Database.transact`. A caller that is cancelled does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        """See `Database.close`; what the thread does is done first."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.writing.dispose)
        self._thread.shutdown()
        await self.engine.dispose()

    def _transact(self, work: Callable[[sa.Connection], R]) -> R:
        with self.writing.begin() as connection:
            return work(connection)


def backup(path: Path, copy: Path) -> int:
    """One moment of the store in a file of its own, while others write; its bytes. Raises `OSError`."""
    copy.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return copy.stat().st_size


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
