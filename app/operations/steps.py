"""Make a large change in steps, so that a server beside it writes in between (G4)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PAUSE = 2.0  # times what a step took


@asynccontextmanager
async def step() -> AsyncIterator[None]:
    """Run one transaction of a large change, then pause: a server tries the lock of a SQLite store now and then, and
    must find it free more often than not.
    """
    started = time.monotonic()
    yield
    await asyncio.sleep(PAUSE * (time.monotonic() - started))
