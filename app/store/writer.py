"""Group commit: what arrives while one fsync runs shares the next. No linger (PERF.md).

G5: a future resolves after the commit that holds its work, or raises `Unavailable`.
Work is a *verb*, a function of a connection and a list of items that returns one result an item; all
items of one verb in a group go to the database as one set. A result that is an exception is raised
to its caller only. One bad item fails alone: a group that breaks is done again item by item.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.policies.ledger import Unavailable

GROUP = 2_000  # items a transaction; DESIGN 5 lets a power cut take no more
# SQLSTATE classes: connection, read-only standby, resources, locks and timeouts, shutdown and start, system
UNWELL = frozenset({"08", "25", "53", "55", "57", "58"})
WAITING = 20_000  # about a second of writing; more would be answered after Plivo has hung up

T = TypeVar("T")
R = TypeVar("R")
Verb = Callable[[sa.Connection, Sequence[Any]], Sequence[Any]]
Transact = Callable[[Callable[[sa.Connection], list[Any]]], Awaitable[list[Any]]]
Committed = Callable[[int, float], None]  # is told of each group: its size, and the seconds it took


def nobody(_size: int, _seconds: float) -> None:
    """Counts nothing."""


@dataclass(slots=True)
class _Job:
    verb: Verb
    item: Any
    done: asyncio.Future[Any]


class Writer:
    """The one place where this process writes."""

    def __init__(self, transact: Transact, committed: Committed = nobody) -> None:
        self._transact = transact
        self._committed = committed
        self._waiting: list[_Job] = []
        self._arrived = asyncio.Event()
        self._closing = False

    @property
    def waiting(self) -> int:
        """Items that wait for the next group."""
        return len(self._waiting)

    async def submit(self, verb: Callable[[sa.Connection, Sequence[T]], Sequence[R | Exception]], item: T) -> R:
        """The result of `verb` for `item`, once it is durable."""
        if self._closing or len(self._waiting) >= WAITING:
            message = "the store is closing" if self._closing else f"{WAITING} writes are waiting"
            raise Unavailable(message)
        job = _Job(verb, item, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._arrived.set()
        return cast("R", await job.done)

    async def run(self) -> None:
        """Writes until `close`; ends early only by a fault of its own, and then leaves nobody waiting."""
        group: list[_Job] = []
        try:
            while not (self._closing and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                    await self._write(group)
        finally:
            self._closing = True
            _fail([*group, *self._waiting], RuntimeError("the writer has ended"))

    def close(self) -> None:
        """Takes no more; `run` ends when what waits is written."""
        self._closing = True
        self._arrived.set()

    async def _write(self, group: list[_Job]) -> None:
        begun = time.perf_counter()
        try:
            results = await self._transact(partial(_apply, group=group))
        except (OperationalError, InterfaceError, PoolTimeout, OSError) as error:
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 - one bad item must not take the others with it
            if len(group) == 1 or _unwell(error):
                _fail(group, error)
                return
            for job in group:
                await self._write([job])
        else:
            self._committed(len(group), time.perf_counter() - begun)
            for job, result in zip(group, results, strict=True):
                _resolve(job, result)


def _unwell(error: Exception) -> bool:
    """Whether the database is at fault: each item by itself would wait for it once more."""
    if not isinstance(error, DBAPIError):
        return False
    state: str = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state[:2] in UNWELL


def _apply(connection: sa.Connection, group: list[_Job]) -> list[Any]:
    results: list[Any] = [None] * len(group)
    by_verb: dict[Verb, list[int]] = {}
    for index, job in enumerate(group):
        by_verb.setdefault(job.verb, []).append(index)
    for verb, indexes in sorted(by_verb.items(), key=_by_name):  # the same order everywhere: replicas cannot cross
        for index, result in zip(indexes, verb(connection, [group[index].item for index in indexes]), strict=True):
            results[index] = result
    return results


def _by_name(named: tuple[Verb, list[int]]) -> tuple[str, str]:
    return named[0].__module__, getattr(named[0], "__qualname__", "")


def _resolve(job: _Job, result: Any) -> None:
    if job.done.done():  # the caller went away
        return
    if isinstance(result, Exception):
        job.done.set_exception(result)
    else:
        job.done.set_result(result)


def _fail(group: list[_Job], error: Exception) -> None:
    for job in group:
        unavailable = Unavailable(f"the store cannot write: {reason(error)}")
        unavailable.__cause__ = error
        _resolve(job, unavailable)


def reason(error: Exception) -> str:
    """A database's error in a few words, without statement and parameters."""
    said = getattr(error, "orig", None) or error
    if isinstance(said, TimeoutError) and not str(said):
        return "the database does not answer"
    if isinstance(said, OSError) and said.strerror:
        return said.strerror
    return (str(said) or type(said).__name__).splitlines()[0]
