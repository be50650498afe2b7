"""Copies of messages and their answers, for targets with `send = ["messages"]`. The journal stores them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.delivery.backlog import Backlog


@dataclass(frozen=True, slots=True)
class MessageCopies:
    """The queues of the targets that get copies, as the reply handler uses them."""

    backlog: Backlog
    wake: Callable[[tuple[str, ...]], None]

    def full(self, names: Iterable[str]) -> frozenset[str]:
        """Return the targets whose queue is full. Their copy is stored as dead."""
        return frozenset(name for name in names if self.backlog.is_full(name, 0))

    def stored(self, names: tuple[str, ...], full: frozenset[str]) -> None:
        """Count the copies that were stored, and wake their workers."""
        self.backlog.add(names, full)
        self.wake(names)
