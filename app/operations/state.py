"""The state of this process: whether it works, and whether it should get traffic."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from app.plivo.refusals import Unavailable
from app.store import Store
from app.telemetry import get_logger

log = get_logger("service")

READY_FOR = 1.0  # seconds that one check of the store answers /ready, which anybody may call


@dataclass(slots=True)
class State:
    """The state behind /health and /ready."""

    store: Store
    stopping: bool = False
    fault: str | None = None
    failed_reload: str | None = None
    reloaded_at: float | None = None  # seconds since the epoch: the last reload, whether it succeeded or not
    started_at: float = field(default_factory=time.time)
    _checked: tuple[float, str | None] = field(default=(float("-inf"), "the store has not been asked yet"))
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ready(self) -> bool:
        """Return whether the store is writable, nothing has failed, and the service is not stopping."""
        if self.stopping or self.fault:
            return False
        return await self.store_fault() is None

    async def store_fault(self) -> str | None:
        """Return why the store could not be written to, at most `READY_FOR` ago, or None if it could."""
        async with self._checking:  # one write for all who ask at the same time
            at, fault = self._checked
            if time.monotonic() - at >= READY_FOR:
                fault = await _fault(self.store)
                self._checked = (time.monotonic(), fault)
        return fault

    def watch(self, tasks: Iterable[asyncio.Task[None]], on_fault: Callable[[], None]) -> None:
        """Report a fault when one of these tasks ends, because the service must not look healthy then. Calls `on_fault`
        once.
        """

        def ended(task: asyncio.Task[None]) -> None:
            if self.stopping:
                return
            self.fault = f"the {task.get_name()} has ended"
            log.critical(self.fault, exc_info=None if task.cancelled() else task.exception())
            on_fault()

        for task in tasks:
            task.add_done_callback(ended)

    @property
    def was_ready(self) -> bool:
        """Whether the service was ready when the store was last checked."""
        return self._checked[1] is None and not self.stopping and not self.fault


async def _fault(store: Store) -> str | None:
    try:
        async with asyncio.timeout(READY_FOR):
            await store.check()
    except Unavailable as error:
        return str(error)
    except TimeoutError:
        return f"the store cannot write within {READY_FOR:g} s"
    return None
