"""Asks the store whether it writes, and for its figures: at most once a second, and sparingly if that is slow."""

import asyncio
import time
from collections.abc import Sequence

from app.guards.ledger import Fuse
from app.plivo.refusals import Unavailable
from app.status.state import State
from app.store.survey import Survey, survey

SURVEYED_FOR = 1.0  # seconds
SPARING = 20  # times as long as a survey took, until the next one
CLOSING = 1.0  # seconds that a survey under way has to end


class Surveyor:
    """Asks the store, by one task at a time that outlives whoever waits for it: a read must not be cut off."""

    def __init__(self, state: State, targets: Sequence[str], asked: Sequence[Fuse]) -> None:
        self._state = state
        self._targets = targets
        self._fuses = asked
        self._last: tuple[float, Survey] | None = None
        self._next = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def look(self, patience: float) -> tuple[float, Survey] | None:
        """The last figures and their age in seconds; for new ones `patience` seconds are waited."""
        if self._looking is None and time.monotonic() >= self._next:
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=patience)
        return (time.monotonic() - self._last[0], self._last[1]) if self._last else None

    async def close(self) -> None:
        """What is under way has a second to end."""
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=CLOSING)
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        begun = time.monotonic()
        try:
            await self._state.writable()
            begun = time.monotonic()
            self._last = (begun, await survey(self._state.store.engine, self._targets, self._fuses, time.time()))
        except Unavailable:
            pass  # /ready tells of the store, and each write does
        finally:
            self._next = time.monotonic() + max(SURVEYED_FOR, SPARING * (time.monotonic() - begun))
            self._looking = None
