"""The forwarder: one lane a target, the count of what waits for each, and what operators are told of them. If any of
these ends, the service does.
"""

import asyncio
from collections.abc import Mapping

from app.delivery.backlog import Backlog
from app.delivery.monitor import Monitor
from app.delivery.worker import TargetWorker


class Dispatcher:
    """All lanes."""

    def __init__(self, lanes: Mapping[str, TargetWorker], backlog: Backlog, monitor: Monitor) -> None:
        self._lanes = lanes
        self._backlog = backlog
        self._monitor = monitor

    def wake(self, targets: tuple[str, ...]) -> None:
        """These targets have something new."""
        for target in targets:
            self._lanes[target].wake()

    @property
    def paused(self) -> frozenset[str]:
        """Targets that are only probed."""
        return frozenset(name for name, lane in self._lanes.items() if lane.paused)

    async def run(self) -> None:
        """Until `stop`; ends with an error if any lane does."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._backlog.run())
            lanes.create_task(self._monitor.run())
            for lane in self._lanes.values():
                lanes.create_task(lane.run())

    async def stop(self, seconds: float) -> None:
        """See `TargetWorker.stop`."""
        self._backlog.stop()
        self._monitor.stop()
        await asyncio.gather(*(lane.stop(seconds) for lane in self._lanes.values()))
