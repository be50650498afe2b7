"""Lines that anybody could cause: a few, then a count."""

import asyncio

from app.telemetry.throttle import Throttle


async def test_the_first_few_are_admitted_and_the_rest_counted() -> None:
    """Of each key so many pass; at the end of the time the others are told as a number, and a new time begins."""
    ended: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    throttle: Throttle[str] = Throttle(3, 0.05, lambda key, count: ended.put_nowait((key, count)))
    assert [throttle.admit("a") for _ in range(5)] == [True] * 3 + [False] * 2
    assert not throttle.would_admit("a")
    assert throttle.would_admit("b")
    assert throttle.admit("b")
    assert await asyncio.wait_for(ended.get(), 5) == ("a", 2)
    assert throttle.would_admit("a")
    assert [throttle.admit("a") for _ in range(4)] == [True] * 3 + [False]
    assert await asyncio.wait_for(ended.get(), 5) == ("a", 1)
    assert ended.empty()
