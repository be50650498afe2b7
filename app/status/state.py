"""What this process knows of itself: whether it does its work, and whether traffic should come here."""

import asyncio
import time
from dataclasses import dataclass, field

from app.plivo.refusals import Unavailable
from app.store import Store

READY_FOR = 1.0  # seconds that one check of the store answers /ready, which anybody may call


@dataclass(slots=True)
class State:
    """What /health and /ready tell."""

    store: Store
    stopping: bool = False
    fault: str | None = None
    failed_reload: str | None = None
    _checked: tuple[float, bool] = field(default=(float("-inf"), False))
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> bool:
        """Store writable, nothing broken, not stopping."""
        if self.stopping or self.fault:
            return False
        return await self.writable()

    async def writable(self) -> bool:
        """Whether the store took a write, at most `READY_FOR` ago."""
        async with self._checking:  # one write for all who ask at the same time
            at, writable = self._checked
            if time.monotonic() - at >= READY_FOR:
                writable = await _writable(self.store)
                self._checked = (time.monotonic(), writable)
        return writable

    @property
    def was_ready(self) -> bool:
        """When the store was last asked."""
        return self._checked[1] and not self.stopping and not self.fault


async def _writable(store: Store) -> bool:
    try:
        async with asyncio.timeout(READY_FOR):
            await store.check()
    except (Unavailable, TimeoutError):
        return False
    return True
