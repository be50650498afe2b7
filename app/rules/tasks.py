"""Tasks that a rule starts: `sys.exit` in one of them is that task's error.

asyncio lets `SystemExit` and `KeyboardInterrupt` of any task end its event loop, and with it the service. They become a
`RuntimeError`, which reaches whoever awaits the task: the rule, which has failed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, TypeVar

from app.telemetry import place_of

T = TypeVar("T")

in_rule: ContextVar[bool] = ContextVar("in_rule", default=False)  # inherited by the tasks that a rule starts


def task_factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
    """For `loop.set_task_factory`: tasks of a rule are contained, all others are as they always are."""
    return asyncio.Task(_Contained(coroutine) if in_rule.get() else coroutine, loop=loop, **options)


class _Contained(Coroutine[Any, Any, T]):
    """A coroutine that does not end the process."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()

    def send(self, value: Any, /) -> Any:
        """Go on. Raises `RuntimeError` in place of what would end the loop."""
        return _step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception, as `send` does."""
        return _step(self._coroutine.throw, *error)

    def close(self) -> None:
        """End it."""
        self._coroutine.close()


def _step(go_on: Callable[..., T], *values: Any) -> T:
    try:
        return go_on(*values)
    except (SystemExit, KeyboardInterrupt) as error:
        message = f"raised {place_of(error)}"
        raise RuntimeError(message) from None
