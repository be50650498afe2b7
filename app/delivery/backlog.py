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

    def use(self, targets: Mapping[str, Target]) -> None:
        """Count for these targets from now on."""
        self._waiting = {name: self._waiting.get(name, 0) for name in targets}
        self._targets = targets

    def waiting(self, target: str) -> int:
        """So many deliveries."""
        return self._waiting.get(target, 0)

    def is_full(self, target: str, accepted: int) -> bool:
        """Whether a target may get no more, with so many accepted since the last count. Any thread may ask."""
        known = self._targets.get(target)  # a request that began before a reload may know another one
        return known is not None and self.waiting(target) + accepted >= known.max_due

    def add(self, targets: Iterable[str], full: Collection[str]) -> None:
        """A delivery for each target is stored. Those of `full` are dead already; that is logged once."""
        for name in full:
            self._refused(name)
        for name in set(full) & self._targets.keys() - self._told:
            advice = "new deliveries die at once; when the target is well: deliveries replay --target"
            log.error("the queue of a target is full", target=name, max_due=self._targets[name].max_due, advice=advice)
        self._told |= set(full)
        for name in targets:
            if name in self._waiting and name not in full:
                self._waiting[name] += 1

    def remove(self, targets: Iterable[str]) -> None:
        """One delivery less for each target: it is done, or dead."""
        for name in targets:
            if name in self._waiting:
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
