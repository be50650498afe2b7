"""Publish the status of each target through the store, and read the commands of operators from it.

Commands run in another process, and the state of a target's circuit breaker and concurrency limit is not stored with
its deliveries.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping

from app.delivery.queue import Instances, TargetStatus
from app.delivery.worker import TargetWorker
from app.plivo.refusals import Unavailable

POLL = 1.0  # seconds until a command is read, or a change is published
REPUBLISH = 5.0  # seconds until an unchanged status is published again, to show that the server runs
LEAVE_SECONDS = 1.0  # a store that hangs must not delay a stop


class Monitor:
    """The monitor of all workers of one server."""

    def __init__(self, workers: Mapping[str, TargetWorker], instances: Instances) -> None:
        self._workers = workers
        self._instances = instances
        self._requests: Mapping[str, float] | None = None  # None: not yet read
        self._published: Mapping[str, TargetStatus] = {}
        self._published_at = float("-inf")
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Read and publish each second until `stop`, then remove this server's status."""
        while not self._stopped.is_set():
            with contextlib.suppress(Unavailable):
                await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._stopped.wait()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._instances.leave()

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    async def look(self) -> None:
        """Obey new requests, then publish what has changed. Raises `Unavailable`."""
        requests = await self._instances.probe_requests()
        if self._requests is not None:
            for target in requests.keys() & self._workers.keys():
                if requests[target] != self._requests.get(target):
                    self._workers[target].attempt_now()
        self._requests = requests
        await self._publish()

    async def _publish(self) -> None:
        statuses = {name: worker.status for name, worker in self._workers.items()}
        if _urgent(statuses) != _urgent(self._published) or time.monotonic() - self._published_at >= REPUBLISH:
            await self._instances.write(statuses)
            self._published, self._published_at = statuses, time.monotonic()


def _urgent(statuses: Mapping[str, TargetStatus]) -> dict[str, tuple[str, int]]:
    """Return the part of each status that is published as soon as it changes.

    The queue's length changes all the time.
    """
    return {name: (status.condition, status.failures) for name, status in statuses.items()}
