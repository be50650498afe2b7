"""Read the store's figures at most once a second, and less often if that takes long. Each result has its age."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.plivo.refusals import Unavailable
from app.store.snapshot import Survey

SURVEYED_FOR = 1.0  # seconds
SPARING = 20  # times as long as a survey took, until the next one
CLOSING = 1.0  # seconds that a survey under way has to end


class SnapshotReader:
    """A reader with one task at a time. The task outlives its waiting callers, because a read must not be cut off."""

    def __init__(self, ask: Callable[[], Awaitable[Survey]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._last: tuple[float, Survey] | None = None
        self._next = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def look(self, patience: float) -> tuple[float, Survey] | None:
        """Return the last figures and their age in seconds. Wait at most `patience` seconds for new ones."""
        if self._asking is None and self._clock() >= self._next:
            self._asking = asyncio.create_task(self._survey())
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=patience)
        return (self._clock() - self._last[0], self._last[1]) if self._last else None

    async def close(self) -> None:
        """Give a read in progress a second to end."""
        if self._asking is not None:
            _, late = await asyncio.wait({self._asking}, timeout=CLOSING)
            for asking in late:
                asking.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _survey(self) -> None:
        started = self._clock()
        try:
            self._last = (started, await self._ask())
        except Unavailable:
            pass  # /ready tells of the store, and each write does
        finally:
            now = self._clock()
            self._next, self._asking = now + max(SURVEYED_FOR, SPARING * (now - started)), None
