"""Which targets get a copy of a message and its answer (`send = ["messages"]`). The journal stores it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.delivery.backlog import Backlog
from app.delivery.target import Target, copied


@dataclass(frozen=True, slots=True)
class MessageCopies:
    """What the reply handler has to know of targets."""

    targets: Mapping[str, Target]
    backlog: Backlog
    wake: Callable[[tuple[str, ...]], None]

    def wanted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of a route's targets that want copies."""
        return copied(self.targets, names)

    def full(self, names: Iterable[str]) -> frozenset[str]:
        """Those whose queue is full: their copy is dead at once."""
        return frozenset(name for name in names if self.backlog.is_full(name, 0))

    def stored(self, names: tuple[str, ...], full: frozenset[str]) -> None:
        """A copy for each is durable."""
        self.backlog.add(names, full)
        self.wake(names)
