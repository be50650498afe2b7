"""SQLite, the embedded store: WAL, synchronous=FULL (a commit survives a power cut), BEGIN IMMEDIATE for writers.

Its clock is a Python function, so that a test can control it. `served_file.py` watches the file itself.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.clock import Clock
from app.store.database import R, Watch
from app.store.driver import Connection, SqliteConnection, run_in_thread
from app.store.errors import StoreError, described
from app.store.served_file import ServedFile
from app.telemetry import get_logger

log = get_logger("store")

BUSY_SECONDS = 5  # how long a writer waits for another process's transaction; a command's takes milliseconds
CACHE_KIB = 16_384  # pages that a connection keeps in memory: the indexes' recent part
CHECKPOINT_PAGES = 4_000  # of the write-ahead log, 16 MB; indexes with random keys write the same pages again and again
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted, or was written anew elsewhere, is overwritten with zeros
    f"busy_timeout={BUSY_SECONDS * 1000}",
    f"cache_size=-{CACHE_KIB}",
    f"wal_autocheckpoint={CHECKPOINT_PAGES}",
)


class Sqlite:
    """A SQLite file.

    The writer's connection has its own thread, so a group of writes costs one hop between threads and not one for each
    statement. `file` is watched by a serving process; it is None for a command.
    """

    def __init__(self, path: Path, clock: Clock, file: ServedFile | None = None) -> None:
        self._path = path
        self._clock = clock
        self._raw: sqlite3.Connection | None = None  # the writer's; used in its thread only
        self.engine = create_async_engine(sa.URL.create("sqlite+aiosqlite", database=str(path)), hide_parameters=True)
        self.patient = self.engine
        self.writing = sa.create_engine(sa.URL.create("sqlite", database=str(path)), hide_parameters=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._file = file
        self.watches: tuple[Watch, ...] = (partial(file.watch, self._rescue),) if file else ()
        for engine in (self.engine.sync_engine, self.writing):
            _prepare(engine, clock)
            if file:
                _open_only(engine, file)

    async def write(self, work: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        """Implement `Database.write`. Cancelling the caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, work)

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """Implement `Database.transact`. Cancelling the caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def erase(self) -> None:
        """Implement `Database.erase`. The write-ahead log is emptied, because it contains old pages."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._erase)

    async def close(self) -> None:
        """Implement `Database.close`. The thread finishes its work first."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        finally:
            self._thread.shutdown()
            await self.engine.dispose()

    def _write(self, work: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        with self._committing():
            raw = self._raw or self._open()
            try:
                raw.execute("BEGIN IMMEDIATE")
                if self._file:
                    self._file.note_companions()
                result = run_in_thread(work(SqliteConnection(raw, self._clock())))
                raw.execute("COMMIT")
            except BaseException:
                if raw.in_transaction:
                    raw.rollback()
                raise
        return result

    def _transact(self, work: Callable[[sa.Connection], R]) -> R:
        with self._committing(), self.writing.begin() as connection:
            if self._file:
                self._file.note_companions()
            return work(connection)

    @contextmanager
    def _committing(self) -> Iterator[None]:
        """Check before and after a commit that the file is the one at its path. Raises `StoreError`.

        A commit to a file that has just gone does not count.
        """
        try:
            if self._file:
                self._file.check()
            yield
            if self._file:
                self._file.check()
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise described(error) from error

    def _erase(self) -> None:
        with self._committing():
            if not self._checkpoint():
                message = "its write-ahead log cannot be emptied while another process reads; try again"
                raise StoreError(message, at_fault=False)

    def _open(self) -> sqlite3.Connection:
        self._raw = sqlite3.connect(self._path, isolation_level=None)
        configure(self._raw, self._clock)
        return self._raw

    def _close(self) -> None:
        self.writing.dispose()
        if self._raw is not None:
            self._raw.close()

    async def _rescue(self) -> None:
        """Move the content of the write-ahead log into the open file.

        Wherever that file is now, it is complete without the log. And the log is empty, so that it is not applied to a
        file that was put in its place.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._empty_log)

    def _empty_log(self) -> None:
        if self._file and self._file.is_overwritten:
            return
        try:
            self._checkpoint()
        except (DBAPIError, sqlite3.Error, OSError) as error:
            log.error("the write-ahead log could not be emptied", reason=str(described(error)))

    def _checkpoint(self) -> bool:
        """Move the write-ahead log into the file, and empty it. Return whether this succeeded, because readers may
        prevent it.
        """
        with closing(self.writing.raw_connection()) as connection:
            busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def tables_of(path: Path) -> list[str]:
    """Return the tables of a file, which is left as it is; none if it cannot be read."""
    if not path.exists():
        return []
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    try:
        with closing(sqlite3.connect(path)) as connection:
            return [name for (name,) in connection.execute(query)]
    except sqlite3.Error:
        return []


def backup(path: Path, copy: Path) -> int:
    """Copy one moment of the store to another file, while others write. Return its size in bytes. Raises `OSError`."""
    copy.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without companions
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return copy.stat().st_size


def configure(connection: Any, clock: Clock) -> None:
    """Set up a connection to a SQLite file."""
    connection.create_function("autoreply_now", 0, clock)
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare(engine: sa.Engine, clock: Clock) -> None:
    """Configure the connections of an engine."""

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by the listener below
        configure(connection, clock)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("autoreply_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _open_only(engine: sa.Engine, file: ServedFile) -> None:
    """Refuse new connections while another file is at the path: they would read that one."""

    @sa.event.listens_for(engine, "do_connect")
    def _check(*_: Any) -> None:
        file.check()
