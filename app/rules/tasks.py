"""Contain `sys.exit` in the tasks that a rule starts.

In asyncio, `SystemExit` and `KeyboardInterrupt` in any task end the event loop, and with it the service. In the tasks
of a rule they become a `RuntimeError`, which reaches the code that awaits the task, so that only the rule fails.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, TypeVar

from app.telemetry import place_of

T = TypeVar("T")

in_rule: ContextVar[bool] = ContextVar("in_rule", default=False)  # inherited by the tasks that a rule starts


def task_factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
    """Create a task, for `loop.set_task_factory`. Tasks of a rule are contained, all others are ordinary tasks."""
    return asyncio.Task(_Contained(coroutine) if in_rule.get() else coroutine, loop=loop, **options)


class _Contained(Coroutine[Any, Any, T]):
    """A coroutine that cannot end the process."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()

    def send(self, value: Any, /) -> Any:
        """Resume the coroutine. Raises `RuntimeError` in place of what would end the event loop."""
        return _step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception in the coroutine, guarded as in `send`."""
        return _step(self._coroutine.throw, *error)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()


def _step(go_on: Callable[..., T], *values: Any) -> T:
    try:
        return go_on(*values)
    except (SystemExit, KeyboardInterrupt) as error:
        message = f"raised {place_of(error)}"
        raise RuntimeError(message) from None
