"""Count events by minute, for as long as an operator is likely to ask about them."""

import time
from collections import Counter, deque
from collections.abc import Callable

MINUTE = 60  # seconds
MINUTES = 60


class RecentCounts:
    """How often each kind of event happened in each of the last 60 minutes.

    Kinds must be from a fixed list, never a stranger's words: each takes room in every minute.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._minutes: deque[tuple[int, Counter[str]]] = deque(maxlen=MINUTES)

    def count(self, kind: str) -> None:
        """Count an event of now."""
        minute = int(self._clock()) // MINUTE * MINUTE
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, Counter()))
        self._minutes[-1][1][kind] += 1

    def by_minute(self) -> list[tuple[int, str, int]]:
        """Return the beginning of each minute (seconds since the epoch), a kind and its count, the oldest first."""
        oldest = self._clock() - MINUTES * MINUTE
        return [(at, kind, count) for at, counts in self._minutes if at > oldest for kind, count in counts.items()]
