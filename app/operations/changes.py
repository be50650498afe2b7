"""Tell open pages that something has changed.

The store is asked once a second, as replicas write to it as well, and only while somebody listens. Nobody waits for a
listener: a change that is not yet taken and another one are one.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from app.plivo.refusals import Unavailable
from app.store import Store
from app.store.marks import Mark, mark

POLL = 1.0  # seconds between two looks at the store
LISTENERS = 50  # of one service; each holds a connection of the admin socket


class Listener:
    """One open page."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def tell(self) -> None:
        """Note that something has changed."""
        self._changed.set()

    async def changed(self, seconds: float) -> bool:
        """Wait until something has changed, for at most `seconds`. Return whether it has."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Changes:
    """The changes of one store. `poll`: seconds between two looks at it."""

    def __init__(self, store: Store, poll: float = POLL) -> None:
        self._store = store
        self._poll = poll
        self._listeners: set[Listener] = set()
        self._polling: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether `LISTENERS` pages listen, so that another one should ask by itself from time to time."""
        return len(self._listeners) >= LISTENERS

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen while the block runs."""
        listener = Listener()
        self._listeners.add(listener)
        if self._polling is None:
            self._polling = asyncio.create_task(self._watch(), name="changes")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._polling:
                self._polling.cancel()
                self._polling = None

    async def _watch(self) -> None:
        known: Mark | None = None
        while True:
            with contextlib.suppress(Unavailable):  # the store is asked again, and pages say themselves what is wrong
                found = await mark(self._store.engine)
                if known is not None and found != known:
                    for listener in self._listeners:
                        listener.tell()
                known = found
            await asyncio.sleep(self._poll)
