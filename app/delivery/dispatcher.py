"""The dispatcher runs one worker for each target, the backlog's count, and the monitor for operators.

If any of these ends, so does the service.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from app.delivery.backlog import Backlog
from app.delivery.monitor import Monitor
from app.delivery.target import Target
from app.delivery.worker import TargetWorker

LEAVING = 60.0  # seconds for the last attempts at a removed target, as long as the longest timeout


class Dispatcher:
    """The workers of all targets. `make` creates the worker of a target that a reload adds."""

    def __init__(
        self,
        workers: dict[str, TargetWorker],
        backlog: Backlog,
        monitor: Monitor,
        make: Callable[[Target], TargetWorker],
    ) -> None:
        self._workers = workers
        self._backlog = backlog
        self._monitor = monitor
        self._make = make
        self._leaving: set[TargetWorker] = set()  # of targets that a reload removed, until their last attempts end
        self._running: asyncio.TaskGroup | None = None

    def wake(self, targets: Iterable[str]) -> None:
        """Wake the workers of these targets, because deliveries were stored for them."""
        for target in targets:
            if worker := self._workers.get(target):
                worker.wake()

    @property
    def paused(self) -> frozenset[str]:
        """The targets that failed too often in a row and are only probed."""
        return frozenset(name for name, worker in self._workers.items() if worker.paused)

    def use(self, targets: Mapping[str, Target]) -> None:
        """Deliver to these targets from now on. Deliveries to a removed target stay due, in case it comes back."""
        self._backlog.use(targets)
        for name in self._workers.keys() - targets.keys():
            self._spawn(self._dismiss(self._workers.pop(name)))
        for name, target in targets.items():
            if worker := self._workers.get(name):
                worker.use(target)
            else:
                self._workers[name] = self._make(target)
                self._spawn(self._workers[name].run())

    async def run(self) -> None:
        """Run until `stop`. Raises if any worker ends with an error."""
        async with asyncio.TaskGroup() as self._running:
            self._spawn(self._backlog.run())
            self._spawn(self._monitor.run())
            for worker in self._workers.values():
                self._spawn(worker.run())

    async def stop(self, seconds: float) -> None:
        """Stop all workers. Attempts in flight get `seconds` to finish, then their deliveries are due again."""
        self._backlog.stop()
        self._monitor.stop()
        await asyncio.gather(*(worker.stop(seconds) for worker in (*self._workers.values(), *self._leaving)))

    async def _dismiss(self, worker: TargetWorker) -> None:
        self._leaving.add(worker)
        await worker.stop(LEAVING)
        self._leaving.discard(worker)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._running is None:
            work.close()  # not running yet: `run` will start it
        else:
            self._running.create_task(work)
