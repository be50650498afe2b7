"""Large changes in steps: a server beside them writes in between (G4)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PAUSE = 2.0  # times what a step took


@asynccontextmanager
async def step() -> AsyncIterator[None]:
    """One transaction of a large change, then a pause. A server looks for the lock of a SQLite store now and then, and
    must find it free more often than not.
    """
    started = time.monotonic()
    yield
    await asyncio.sleep(PAUSE * (time.monotonic() - started))
