"""The store is asked sparingly, and nobody waits long for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from support.stored import Clock

from app.operations.snapshot import SnapshotReader
from app.plivo.refusals import Unavailable
from app.store.snapshot import Survey


@dataclass
class Asked:
    """A store that answers when its gate is open; each answer has the number of the question."""

    clock: Clock
    takes: float = 0.0  # seconds
    broken: bool = False
    asked: int = 0
    ended: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> Survey:
        """One survey."""
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        self.clock.advance(self.takes)
        self.ended += 1
        if self.broken:
            raise Unavailable
        return Survey({}, frozenset({str(number)}), {})


@pytest.fixture
async def store() -> AsyncIterator[Asked]:
    """One that answers at once."""
    asked = Asked(Clock())
    asked.gate.set()
    yield asked
    asked.gate.set()


async def seen(surveyor: SnapshotReader) -> tuple[float, str] | None:
    """The age of the figures, and which they are."""
    found = await surveyor.look(0.01)
    return (round(found[0], 3), "".join(found[1].paused)) if found else None


async def test_it_is_asked_once_a_second(store: Asked) -> None:
    """Whoever looks within a second gets the same figures, and their age."""
    surveyor = SnapshotReader(store, store.clock)
    assert await seen(surveyor) == (0.0, "1")
    store.clock.advance(0.9)
    assert [await seen(surveyor) for _ in range(100)] == [(0.9, "1")] * 100
    store.clock.advance(0.2)
    assert await seen(surveyor) == (0.0, "2")
    assert store.asked == 2


async def test_a_slow_store_is_asked_less_often(store: Asked) -> None:
    """What took 3 s is not asked again for a minute: a twentieth of the time at most."""
    store.takes = 3.0
    surveyor = SnapshotReader(store, store.clock)
    assert await seen(surveyor) == (3.0, "1")
    store.clock.advance(59)
    assert await seen(surveyor) == (62.0, "1")
    store.clock.advance(2)
    assert await seen(surveyor) == (3.0, "2")


async def test_nobody_waits_and_no_read_is_cut_off(store: Asked) -> None:
    """While the store does not answer, the last figures are shown; the one question goes on behind."""
    surveyor = SnapshotReader(store, store.clock)
    await seen(surveyor)
    store.gate.clear()
    store.clock.advance(2)
    async with asyncio.timeout(5):
        assert [await seen(surveyor) for _ in range(5)] == [(2.0, "1")] * 5
    assert (store.asked, store.ended) == (2, 1)
    store.gate.set()
    await asyncio.sleep(0)
    await surveyor.close()
    assert (store.asked, store.ended) == (2, 2)
    assert await seen(surveyor) == (0.0, "2")  # as of when it was asked


async def test_a_store_that_cannot_be_read_keeps_the_last_figures(store: Asked) -> None:
    """They grow old; when it can be read again, they are new."""
    surveyor = SnapshotReader(store, store.clock)
    await seen(surveyor)
    store.broken = True
    store.clock.advance(5)
    assert await seen(surveyor) == (5.0, "1")
    store.broken = False
    store.clock.advance(5)
    assert await seen(surveyor) == (0.0, "3")


async def test_nothing_is_known_before_the_first_answer(store: Asked) -> None:
    """No figures are made up."""
    store.broken = True
    assert await seen(SnapshotReader(store, store.clock)) is None
