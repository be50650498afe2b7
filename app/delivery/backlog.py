"""How much waits for each target, and whether it may be more (G7). Estimated: counted in the store every
second, or less often when that takes long, and in between by what comes in and goes out here.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from app.delivery.queue import Unavailable
from app.delivery.target import Target
from app.telemetry import get_logger

log = get_logger("backlog")

RECOUNT = 1.0  # seconds: a command that drops a queue is seen as soon as any other
SHARE = 50  # a count that takes long is made less often: it may use 2 % of the time


class Backlog:
    """What waits, by target."""

    def __init__(
        self,
        targets: Mapping[str, Target],
        count: Callable[[], Awaitable[Mapping[str, int]]],
        refused: Callable[[str], None] = lambda _target: None,
    ) -> None:
        self._targets = targets
        self._count = count
        self._refused = refused
        self._waiting = dict.fromkeys(targets, 0)
        self._told: set[str] = set()
        self._stopped = asyncio.Event()

    def waiting(self, target: str) -> int:
        """So many deliveries."""
        return self._waiting[target]

    def admit(self, targets: Collection[str]) -> frozenset[str]:
        """Makes room for one more for each; those that may get no more: what comes for them is stored as dead. Loud,
        once.
        """
        full = frozenset(name for name in targets if self._waiting[name] >= self._targets[name].max_due)
        for name in full:
            self._refused(name)
        for name in full - self._told:
            advice = "new deliveries die at once; when the target is well: deliveries replay --target"
            log.error("the queue of a target is full", target=name, max_due=self._targets[name].max_due, advice=advice)
        self._told |= full
        for name in targets:
            self._waiting[name] += name not in full
        return full

    def remove(self, targets: Iterable[str]) -> None:
        """One less for each: it is done, or dead, or was not stored after all."""
        for name in targets:
            self._waiting[name] -= 1

    async def recount(self) -> None:
        """Asks the store; one that does not answer leaves the estimate as it is."""
        try:
            counted = await self._count()
        except Unavailable:
            return
        self._waiting = {name: counted.get(name, 0) for name in self._targets}
        self._told &= {name for name in self._targets if self._waiting[name] >= self._targets[name].max_due}

    async def run(self) -> None:
        """Counts until `stop`, which cuts no count off."""
        while not self._stopped.is_set():
            started = time.monotonic()
            await self.recount()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(RECOUNT, SHARE * (time.monotonic() - started))):
                    await self._stopped.wait()

    def stop(self) -> None:
        """Ends `run`."""
        self._stopped.set()
