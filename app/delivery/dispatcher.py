"""The dispatcher: one worker a target, the count of what waits for each, and what operators are told of them. If any of
these ends, the service does.
"""

import asyncio
from collections.abc import Mapping

from app.delivery.backlog import Backlog
from app.delivery.monitor import Monitor
from app.delivery.worker import TargetWorker


class Dispatcher:
    """All workers."""

    def __init__(self, workers: Mapping[str, TargetWorker], backlog: Backlog, monitor: Monitor) -> None:
        self._workers = workers
        self._backlog = backlog
        self._monitor = monitor

    def wake(self, targets: tuple[str, ...]) -> None:
        """These targets have something new."""
        for target in targets:
            self._workers[target].wake()

    @property
    def paused(self) -> frozenset[str]:
        """Targets that are only probed."""
        return frozenset(name for name, worker in self._workers.items() if worker.paused)

    async def run(self) -> None:
        """Until `stop`; ends with an error if any worker does."""
        async with asyncio.TaskGroup() as workers:
            workers.create_task(self._backlog.run())
            workers.create_task(self._monitor.run())
            for worker in self._workers.values():
                workers.create_task(worker.run())

    async def stop(self, seconds: float) -> None:
        """See `TargetWorker.stop`."""
        self._backlog.stop()
        self._monitor.stop()
        await asyncio.gather(*(worker.stop(seconds) for worker in self._workers.values()))
