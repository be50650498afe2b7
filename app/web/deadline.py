"""A deadline for every call (G4), kept by one timer.

`asyncio.timeout` creates a timer for each call, at six times the cost. All calls here have the same time limit, so they
expire in the order in which they started, and one timer for the oldest is enough.
"""

import asyncio
import time
from types import TracebackType
from typing import Self


class DeadlineExceeded(Exception):
    """The error of a call that took too long and was cancelled."""


class Deadline:
    """A limit of `seconds` for each call: `with deadline.call(): ...`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: dict[TimedCall, None] = {}  # oldest first
        self._timer: asyncio.TimerHandle | None = None

    def call(self) -> "TimedCall":
        """Return a context manager for one call, to be entered in its task. It raises `DeadlineExceeded` on exit."""
        call = TimedCall(self._calls)
        if self._timer is None:
            self._wait(self._seconds)
        return call

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        """Cancel the calls that are over time, and wait for the next."""
        self._timer = None
        now = time.monotonic()
        for call in list(self._calls):
            if (left := call.started_at + self._seconds - now) > 0:
                self._wait(left)
                return
            del self._calls[call]
            call.expire()


class TimedCall:
    """One call with a deadline. As with `asyncio.timeout`, a cancellation from elsewhere remains a cancellation.

    `seconds` is how long it took, once it has ended.
    """

    __slots__ = ("_calls", "_cancelling", "_expired", "_task", "seconds", "started_at")

    def __init__(self, calls: "dict[TimedCall, None]") -> None:
        task = asyncio.current_task()
        if task is None:
            message = "a deadline needs a task that it can cancel"
            raise RuntimeError(message)
        self.seconds = 0.0
        self.started_at = time.monotonic()
        self._calls = calls
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False

    def __enter__(self) -> Self:
        self._calls[self] = None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.seconds = time.monotonic() - self.started_at
        if not self._expired:
            del self._calls[self]
        elif self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise DeadlineExceeded from error

    def expire(self) -> None:
        """Cancel the task."""
        self._expired = True
        self._task.cancel()
