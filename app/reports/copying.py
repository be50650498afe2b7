"""Which targets get a copy of a message and its answer (`send = ["messages"]`). The ledger stores it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.reports.backlog import Backlog
from app.reports.target import Target, copied


@dataclass(frozen=True, slots=True)
class Copying:
    """What whoever answers has to know of targets."""

    targets: Mapping[str, Target]
    backlog: Backlog
    wake: Callable[[tuple[str, ...]], None]

    def wanted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of a route's targets that want copies."""
        return copied(self.targets, names)

    def full(self, names: Iterable[str]) -> frozenset[str]:
        """Those whose queue is full: their copy is dead at once."""
        return self.backlog.full(names)

    def stored(self, names: tuple[str, ...]) -> None:
        """A copy for each waits to be forwarded."""
        self.backlog.add(names)
        self.wake(names)
