"""One timer for all calls: each has its time, and a cancellation from elsewhere stays one, as with asyncio.timeout."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from app.web.deadline import Deadline, DeadlineExceeded

SECONDS = 0.25
BUSY = 5.0  # seconds that a busy machine may add

Limit = Callable[[], AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def by_deadline(deadline: Deadline) -> AsyncIterator[None]:
    """A call, its end told as `asyncio.timeout` tells it."""
    try:
        with deadline.call():
            yield
    except DeadlineExceeded as error:
        raise TimeoutError from error


@pytest.fixture(params=["ours", "asyncio"])
def limit(request: pytest.FixtureRequest) -> Limit:
    """Ours, and the standard library's, which says what is right."""
    deadline = Deadline(SECONDS)
    return (lambda: by_deadline(deadline)) if request.param == "ours" else (lambda: asyncio.timeout(SECONDS))


async def forever() -> None:
    """Wait."""
    await asyncio.Event().wait()


async def test_a_call_that_is_late_is_cancelled(limit: Limit) -> None:
    """At its time, not before; afterwards its task is as if nothing had happened."""
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        async with limit():
            await forever()
    assert SECONDS - 0.005 < time.monotonic() - started < SECONDS + BUSY
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_call_in_time_is_left_alone(limit: Limit) -> None:
    """What comes after the call may take as long as it likes."""
    async with limit():
        await asyncio.sleep(0)
    await asyncio.sleep(2 * SECONDS)


async def test_each_call_has_its_own_time() -> None:
    """Calls that begin one after another end one after another; those that are done are not waited for."""
    deadline = Deadline(SECONDS)
    ended: dict[str, float] = {}

    async def call(name: str, *, hang: bool) -> None:
        started = time.monotonic()
        try:
            with deadline.call():
                if hang:
                    await forever()
        except DeadlineExceeded:
            ended[name] = time.monotonic() - started

    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c", "d"):
            group.create_task(call(name, hang=name in "ac"))
            await asyncio.sleep(SECONDS / 5)
    assert list(ended) == ["a", "c"]
    assert all(SECONDS - 0.005 < seconds < SECONDS + BUSY for seconds in ended.values())


def test_one_timer_for_all() -> None:
    """However many calls come and go while it waits, the loop holds one timer."""
    timers: list[float] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_later(  # type: ignore[override]
            self, delay: float, *arguments: Any, **options: Any
        ) -> asyncio.TimerHandle:
            timers.append(delay)
            return super().call_later(delay, *arguments, **options)

    async def calls() -> None:
        deadline = Deadline(60)
        for _ in range(1_000):
            with deadline.call():
                pass

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(calls())
    assert timers == [60]


async def test_a_cancellation_from_elsewhere_stays_one(limit: Limit) -> None:
    """It ends the task; nothing takes it for the end of the time."""
    task = asyncio.create_task(_limited(limit))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def _limited(limit: Limit) -> None:
    async with limit():
        await forever()


async def test_cancelled_twice_is_cancelled(limit: Limit) -> None:
    """The time is over and somebody cancels before the task has heard of it: it must end, not go on."""

    async def late() -> None:
        async with limit():
            try:
                await forever()
            except asyncio.CancelledError:
                asyncio.current_task().cancel()  # type: ignore[union-attr]
                raise

    task = asyncio.create_task(late())
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def test_what_a_late_call_raises_or_returns_counts(limit: Limit) -> None:
    """A call that turns its cancellation into an error or a value is taken at its word."""

    async def call(error: Exception | None) -> str:
        async with limit():
            try:
                await forever()
            except asyncio.CancelledError:
                if error:
                    raise error from None
        return "value"

    with pytest.raises(KeyError):
        await call(KeyError())
    assert await call(None) == "value"
    await asyncio.sleep(0)


async def test_a_call_in_a_task_that_is_being_cancelled(limit: Limit) -> None:
    """Its own end is still told as such, and the cancellation before it is not forgotten."""

    async def call() -> int:
        try:
            await forever()
        except asyncio.CancelledError:
            with pytest.raises(TimeoutError):
                async with limit():
                    await forever()
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == 1


def test_a_call_needs_a_task() -> None:
    """Outside of one there is nothing to cancel."""

    async def nothing() -> None:
        asyncio.get_running_loop().call_soon(outside)
        await asyncio.sleep(0)

    def outside() -> None:
        with pytest.raises(RuntimeError, match="needs a task"):
            Deadline(1).call()

    asyncio.run(nothing())
