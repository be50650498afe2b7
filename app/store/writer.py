"""Group commit: whatever arrives during one fsync shares the next. Nothing waits for time to pass or a group to fill.

G5: a future resolves after the commit that contains its work, or raises `Unavailable`.

Work is a *verb*: a coroutine function of a connection and a list of items, which returns one result for each item. All
items of one verb in a group go to the database as one set. A result that is an exception is raised only to its caller.
One bad item fails alone: a group that fails is repeated item by item.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from app.plivo.refusals import Unavailable
from app.store.driver import Connection
from app.store.errors import StoreError

GROUP = 2_000  # items a transaction
PASSES = 3  # of the event loop before each group: it sends the last answers, reads what has arrived, and handles it
WAITING = 20_000  # about a second of writing; more would be answered after Plivo has hung up

T = TypeVar("T")
R = TypeVar("R")
Verb = Callable[[Connection, Sequence[Any]], Coroutine[Any, Any, Sequence[Any]]]
Transact = Callable[[Callable[[Connection], Coroutine[Any, Any, list[Any]]]], Awaitable[list[Any]]]
Committed = Callable[[int, float], None]  # is told of each group: its size, and the seconds it took


def ignore(_size: int, _seconds: float) -> None:
    """Count nothing."""


@dataclass(slots=True)
class _Job:
    verb: Verb
    item: Any
    done: asyncio.Future[Any]


class Writer:
    """The only writer of this process on the hot path."""

    def __init__(self, transact: Transact, committed: Committed = ignore) -> None:
        self._transact = transact
        self._committed = committed
        self._waiting: list[_Job] = []
        self._arrived = asyncio.Event()
        self._closing = False

    @property
    def waiting(self) -> int:
        """The number of items that wait for the next group."""
        return len(self._waiting)

    async def submit(
        self, verb: Callable[[Connection, Sequence[T]], Coroutine[Any, Any, Sequence[R | Exception]]], item: T
    ) -> R:
        """Return the result of `verb` for `item`, once it is durable. Raises `Unavailable`."""
        if self._closing or len(self._waiting) >= WAITING:
            message = "the store is closing" if self._closing else f"{WAITING} writes are waiting"
            raise Unavailable(message)
        job = _Job(verb, item, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._arrived.set()
        return cast("R", await job.done)

    async def run(self) -> None:
        """Write until `close`. Only a bug ends it earlier, and then every waiting caller gets `Unavailable`."""
        group: list[_Job] = []
        try:
            while not (self._closing and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await _let_others_join()
                    group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                    await self._write(group)
        finally:
            self._closing = True
            _fail([*group, *self._waiting], "the writer has ended", None)

    def close(self) -> None:
        """Accept no more items. `run` ends once the waiting ones are written."""
        self._closing = True
        self._arrived.set()

    async def _write(self, group: list[_Job]) -> None:
        started = time.perf_counter()
        try:
            results = await self._transact(partial(_apply, group=group))
        except Exception as error:  # noqa: BLE001 - one bad item must not take the others with it
            at_fault = isinstance(error, StoreError) and error.at_fault
            if len(group) == 1 or at_fault:
                _fail(group, str(error) if isinstance(error, StoreError) else type(error).__name__, error)
                return
            for job in group:
                await self._write([job])
        else:
            self._committed(len(group), time.perf_counter() - started)
            for job, result in zip(group, results, strict=True):
                _resolve(job, result)


async def _let_others_join() -> None:
    """Let the event loop handle what it has received already, so that it shares the group.

    Callers under load call again as soon as they have their answer. Without this they would form two groups in turn,
    each of half the size, and a message would take an eighth more CPU.
    """
    for _ in range(PASSES):
        await asyncio.sleep(0)


async def _apply(connection: Connection, group: list[_Job]) -> list[Any]:
    results: list[Any] = [None] * len(group)
    by_verb: dict[Verb, list[int]] = {}
    for index, job in enumerate(group):
        by_verb.setdefault(job.verb, []).append(index)
    verbs = sorted(by_verb.items(), key=_by_name) if len(by_verb) > 1 else by_verb.items()
    for verb, indexes in verbs:  # in the same order everywhere: replicas cannot deadlock
        done = await verb(connection, [group[index].item for index in indexes])
        for index, result in zip(indexes, done, strict=True):
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


def _fail(group: list[_Job], reason: str, cause: BaseException | None) -> None:
    for job in group:
        unavailable = Unavailable(f"the store cannot write: {reason}")
        unavailable.__cause__ = cause
        _resolve(job, unavailable)
