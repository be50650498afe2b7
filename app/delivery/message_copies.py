"""Which targets get a copy of a message and its answer (`send = ["messages"]`). The ledger stores it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.delivery.backlog import Backlog
from app.delivery.target import Target, copied


@dataclass(frozen=True, slots=True)
class Copying:
    """What whoever answers has to know of targets."""

    targets: Mapping[str, Target]
    backlog: Backlog
    wake: Callable[[tuple[str, ...]], None]

    def wanted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of a route's targets that want copies."""
        return copied(self.targets, names)

    def admit(self, names: tuple[str, ...]) -> frozenset[str]:
        """Makes room for a copy for each; those whose queue is full: their copy is dead at once."""
        return self.backlog.admit(names)

    def stored(self, names: tuple[str, ...]) -> None:
        """The copies wait to be forwarded."""
        self.wake(names)

    def withdrawn(self, names: Iterable[str]) -> None:
        """They were not stored after all."""
        self.backlog.remove(names)
