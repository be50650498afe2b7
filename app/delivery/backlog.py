"""Estimate how many deliveries wait for each target, and whether it may get more (G7).

They are counted in the store every second, or less often if counting takes long. In between, the estimate follows what
is added and removed here.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from app.delivery.queue import Unavailable
from app.delivery.target import Target
from app.telemetry import get_logger

log = get_logger("backlog")

RECOUNT = 1.0  # seconds until a command that drops deliveries is noticed
SHARE = 50  # counting may take 2 % of the time; a slow count is made less often


class Backlog:
    """The estimated number of waiting deliveries, by target."""

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
        self._reported_full: set[str] = set()
        self._stopped = asyncio.Event()

    def use(self, targets: Mapping[str, Target]) -> None:
        """Count for these targets from now on."""
        self._waiting = {name: self._waiting.get(name, 0) for name in targets}
        self._targets = targets

    def waiting(self, target: str) -> int:
        """Return how many deliveries wait for a target."""
        return self._waiting.get(target, 0)

    def is_full(self, target: str, accepted: int) -> bool:
        """Return whether a target may get no more, after `accepted` deliveries since the last count. Thread-safe."""
        known = self._targets.get(target)  # a request from before a reload may still use a removed target
        return known is not None and self.waiting(target) + accepted >= known.max_due

    def add(self, targets: Iterable[str], full: Collection[str]) -> None:
        """Count a delivery that was stored for each target.

        For targets in `full` it was stored as dead; this is logged once.
        """
        for name in full:
            self._refused(name)
        for name in set(full) & self._targets.keys() - self._reported_full:
            command = f"plivo-autoreply deliveries replay --target {name}"
            advice = f"new deliveries are stored as dead; once the target works again, run: {command}"
            log.error("target queue full", target=name, max_due=self._targets[name].max_due, advice=advice)
        self._reported_full |= set(full)
        for name in targets:
            if name in self._waiting and name not in full:
                self._waiting[name] += 1

    def remove(self, targets: Iterable[str]) -> None:
        """Count one delivery less for each target, because it is done or dead."""
        for name in targets:
            if name in self._waiting:
                self._waiting[name] -= 1

    async def recount(self) -> None:
        """Count in the store. If the store is unavailable, the estimate stays as it is."""
        try:
            counted = await self._count()
        except Unavailable:
            return
        self._waiting = {name: counted.get(name, 0) for name in self._targets}
        self._reported_full &= {name for name in self._targets if self._waiting[name] >= self._targets[name].max_due}

    async def run(self) -> None:
        """Count repeatedly until `stop`, which does not interrupt a count."""
        while not self._stopped.is_set():
            started = time.monotonic()
            await self.recount()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(RECOUNT, SHARE * (time.monotonic() - started))):
                    await self._stopped.wait()

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()
