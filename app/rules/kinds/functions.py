"""Python functions of the user: import them from beside the configuration file, and watch them while they run."""

import importlib
import inspect
import sys
import time
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from app.telemetry import get_logger, place_of

BLOCKED = 0.1  # seconds, as in asyncio's debug mode

log = get_logger("rules")
R = TypeVar("R")


class BadFunction(ValueError):
    """A function that cannot be used. The message says what to write instead."""


def find(name: str, folder: Path) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the async function named by `module:function`, which takes two arguments. Raises `BadFunction`."""
    module_name, colon, function_name = name.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), function_name)):
        message = 'not a function; write it as "module:function", for example "replies.weather:reply"'
        raise BadFunction(message)
    module = _import(module_name, folder)
    function = getattr(module, function_name, None)
    if function is None:
        message = f"{module_name} has no {function_name}; write async def {function_name}(message, context) there"
        raise BadFunction(message)
    if not inspect.iscoroutinefunction(function):
        advice = f"write async def {function_name}(message, context)"
        message = f"{function_name} is not async; {advice}: a sync function would block the event loop"
        raise BadFunction(message)
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        message = f"{function_name} takes other arguments; write async def {function_name}(message, context)"
        raise BadFunction(message) from None
    found: Callable[..., Coroutine[Any, Any, Any]] = function
    return found


def _import(name: str, folder: Path) -> Any:
    top = name.partition(".")[0]
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that it cannot hide any other module
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            message = f"there is no module {name} in {folder}; create it there"
            raise BadFunction(message) from None
        message = f"{name} cannot be imported: it needs {error.name}, which is not installed; install it"
        raise BadFunction(message) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
        message = f"{name} cannot be imported: {place_of(error)}"
        raise BadFunction(message) from None
    beside = (folder / top).exists() or (folder / f"{top}.py").exists()
    origin = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [""])), "")
    if beside and not Path(origin or "").resolve().is_relative_to(folder.resolve()):
        message = f"the name {top} belongs to an installed module; rename yours"
        raise BadFunction(message)
    return module


@dataclass(frozen=True, slots=True)
class Watched(Generic[R]):
    """A coroutine that logs a warning if it blocks the event loop, because then every request waits."""

    coroutine: Coroutine[Any, Any, R]
    name: str

    def __await__(self) -> Generator[Any, Any, R]:
        step: Callable[[], Any] = partial(self.coroutine.send, None)
        while True:
            started = time.perf_counter()
            try:
                waits_for = step()
            except StopIteration as end:
                returned: R = end.value
                return returned
            finally:
                self._warn_if_slow(time.perf_counter() - started)
            try:
                step = partial(self.coroutine.send, (yield waits_for))
            except BaseException as error:  # noqa: BLE001 - passed on into the coroutine
                step = partial(self.coroutine.throw, error)

    def _warn_if_slow(self, seconds: float) -> None:
        if seconds >= BLOCKED:
            log.warning("function blocked the event loop", function=self.name, seconds=round(seconds, 2))
