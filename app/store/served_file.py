"""The SQLite file of a serving process: served by no other process, and still the file at its path (G5).

SQLite continues when its file is deleted, renamed or replaced, and what it commits then is gone at the next start.
"""

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.store.database import StoreInUse
from app.store.errors import StoreError
from app.telemetry import get_logger

log = get_logger("store")

LOOK = 1.0  # seconds between two looks when nothing is written
REMIND = 60.0  # seconds between two log lines about the same fault
COMPANIONS = ("-wal", "-shm")
HEADER = (2, 18)  # two bytes at offset 18: the file format, https://www.sqlite.org/fileformat2.html#the_database_header
WAL_FORMAT = b"\x02\x02"  # cannot change while a connection is open


class Displaced(StoreError):
    """The error for a commit that would be missing after a restart. The message says why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, at_fault=True)


class ServedFile:
    """The open file, its write-ahead log and its shared memory, compared with what is at their paths."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._file = os.fstat(descriptor)  # an inode's number is not given to another file while this one is open
        self._companions: dict[Path, os.stat_result] = {}
        self._is_overwritten = False

    def find_fault(self) -> str | None:
        """Return why a commit would be missing after a restart, or None if it would not."""
        if fault := _difference({self._path: self._file}):
            return f"{fault} while it was open; put the same file back, or restart to serve what is there"
        if self._companions and os.pread(self._descriptor, *HEADER) != WAL_FORMAT:
            self._is_overwritten = True  # for good: a checkpoint may write a header again
        if self._is_overwritten:
            return f"{self._path} was overwritten while it was open; restore a backup with the server stopped"
        if fault := _difference(self._companions):
            return f"{fault} while it was open; restart the server"
        return None

    @property
    def is_overwritten(self) -> bool:
        """Whether other content was written into the open file, so that the write-ahead log does not fit it."""
        return self._is_overwritten

    def check(self) -> None:
        """Raise `Displaced` if there is a fault."""
        if fault := self.find_fault():
            raise Displaced(fault)

    def note_companions(self) -> None:
        """Remember the files beside it, inside its first transaction. They stay while a connection is open.

        Raises `Displaced`.
        """
        if self._companions:
            return
        real = self._path.resolve()  # SQLite follows links, too
        paths = [real.with_name(real.name + suffix) for suffix in COMPANIONS]
        try:
            self._companions = {path: path.stat() for path in paths}
        except OSError as error:
            message = f"{error.filename}: {error.strerror}; restart the server"
            raise Displaced(message) from error

    async def watch(self, rescue: Callable[[], Awaitable[None]]) -> None:
        """Check every second. Log a fault at once and then every minute, and log its end.

        `rescue` is called once for each fault. Never returns.
        """
        last, logged = None, float("-inf")
        while True:
            await asyncio.sleep(LOOK)
            fault = self.find_fault()
            if fault and (last is None or time.monotonic() - logged >= REMIND):
                logged = time.monotonic()
                log.critical("the store cannot write, messages and reports get 503", reason=fault)
            if fault and last is None:
                await rescue()
            if last and not fault:
                log.warning("the store can write again: the file is back", store=str(self._path))
            last = fault


@contextmanager
def serve_file(path: Path) -> Iterator[ServedFile]:
    """Lock the file for one serving process, by whatever name it was opened. Raises `StoreInUse` or `OSError`.

    Enter before SQLite opens the file and leave after it has closed it. Closing any descriptor of a file drops the
    locks that SQLite holds on it in this process: https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_.
    """
    with path.open("r+b", buffering=0) as file, _lock(path).open("ab", buffering=0) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{path} is served by another process; stop that one, or give this one a [store] url of its own"
            raise StoreInUse(message) from None
        yield ServedFile(path, file.fileno())


def _lock(path: Path) -> Path:
    """Return the file to lock: itself on Linux; elsewhere one beside it, because there flock and SQLite's locks
    conflict.
    """
    return path if sys.platform == "linux" else path.with_name(f"{path.name}.lock")


def _difference(opened: dict[Path, os.stat_result]) -> str | None:
    """Return what happened to the first file that is no longer at its path, or None."""
    for path, known in opened.items():
        try:
            if not os.path.samestat(path.stat(), known):
                return f"{path} was replaced"
        except FileNotFoundError:
            return f"{path} was deleted or moved away"
        except OSError as error:
            return f"{path} cannot be found ({error.strerror})"
    return None
