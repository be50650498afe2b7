"""Throttle log lines that any request can cause: write the first few of a period, then how many more there were."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Throttle(Generic[K]):
    """A throttle that admits `first` lines of a key in `seconds`, then calls `summarise` with how many more there were.

    Keys must be from a fixed list, never a stranger's words. A running event loop is needed.
    """

    def __init__(self, first: int, seconds: float, summarise: Callable[[K, int], None]) -> None:
        self._first = first
        self._seconds = seconds
        self._summarise = summarise
        self._counts: dict[K, int] = {}

    def would_admit(self, key: K) -> bool:
        """Return whether the next line of this key would be written, without counting it."""
        return self._counts.get(key, 0) < self._first

    def admit(self, key: K) -> bool:
        """Count a line, and return whether to write it."""
        if key not in self._counts:
            self._counts[key] = 0
            asyncio.get_running_loop().call_later(self._seconds, self._end, key)
        self._counts[key] += 1
        return self._counts[key] <= self._first

    def _end(self, key: K) -> None:
        if (more := self._counts.pop(key) - self._first) > 0:
            self._summarise(key, more)
