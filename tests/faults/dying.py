"""The command line, but it kills itself with SIGKILL at a named step: `python dying.py serve -c config.toml`.

While the file `die-at` in the working directory says "STEP N", the process dies as it passes that step for the N-th
time since. This is the one place of the tests that reaches into the code: from outside no kill can be so exact. A
step whose function has another name by now stops the start, so that no step is lost without a word.
"""

import functools
import importlib
import inspect
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ORDER = Path("die-at")
HOLD = 0.2  # seconds


@dataclass(frozen=True)
class Step:
    """Before or after a function; `if_any`: only when something is in what it returned, or in its last argument."""

    place: str
    when: Literal["before", "after"]
    if_any: Literal["result", "items"] | None = None


STEPS = {
    # a message whose rule costs nothing, and the end of every other
    "message: written": Step("app.store.messages:Messages.record", "after"),  # in the transaction, not committed
    "message: committed": Step("app.store.journal:SqlJournal.record", "after"),
    "message: answered": Step("app.web.endpoints:Ok.__call__", "after"),  # the bytes may have left, or not
    # a message whose rule waits for somebody
    "claim: written": Step("app.store.messages:Messages.claim", "after"),
    "claim: taken": Step("app.store.journal:SqlJournal.claim", "after"),
    "webhook: heard": Step("app.http_client.exchange:_Receiving.read_body", "before"),  # it has the question
    "webhook: answered": Step("app.http_client:HttpClient.post", "after"),
    # a report comes in
    "report: written": Step("app.store.deliveries:accept", "after"),
    "report: committed": Step("app.store.deliveries:SqlDeliveryQueue.accept", "after"),
    # and goes out; a lane asks for leases all the time, also when there are none
    "delivery: lease written": Step("app.store.deliveries:lease", "after", if_any="result"),
    "delivery: leased": Step("app.store.deliveries:SqlDeliveryQueue.lease", "after", if_any="result"),
    "delivery: heard": Step("app.http_client.exchange:_Receiving.read_body", "before"),
    "delivery: posted": Step("app.http_client:HttpClient.post", "after"),
    "delivery: settle written": Step("app.store.deliveries:_settle", "after", if_any="items"),
    "delivery: settled": Step("app.store.deliveries:SqlDeliveryQueue.settle", "after"),
}

_passed: Counter[str] = Counter()


def arm(folder: Path, step: str, times: int = 1) -> None:
    """Whoever serves in this folder dies there."""
    order = folder / f"{ORDER}.new"
    order.write_text(f"{times} {step}")
    order.rename(folder / ORDER)


def disarm(folder: Path) -> None:
    """Nobody dies any more."""
    (folder / ORDER).unlink(missing_ok=True)


def _pass(name: str) -> None:
    try:
        order = ORDER.read_text()
    except FileNotFoundError:
        return
    times, _, step = order.partition(" ")
    if step == name:
        _passed[name] += 1
        if _passed[name] >= int(times):
            if threading.current_thread() is not threading.main_thread():
                time.sleep(HOLD)  # whoever answers without waiting for the writer's thread is caught at it
            os.kill(os.getpid(), signal.SIGKILL)


def _wrapped(function: Callable[..., Any], name: str, step: Step) -> Callable[..., Any]:
    def before() -> None:
        if step.when == "before":
            _pass(name)

    def after(result: Any, arguments: tuple[Any, ...]) -> Any:
        seen = {None: True, "result": result, "items": arguments[-1]}[step.if_any]
        if step.when == "after" and seen:
            _pass(name)
        return result

    @functools.wraps(function)
    async def waited(*arguments: Any, **named: Any) -> Any:
        before()
        return after(await function(*arguments, **named), arguments)

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        before()
        return after(function(*arguments, **named), arguments)

    return waited if inspect.iscoroutinefunction(function) else called


def _set(name: str, step: Step) -> None:
    module, _, path = step.place.partition(":")
    *owners, last = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    setattr(owner, last, _wrapped(getattr(owner, last), name, step))


def main() -> None:
    """Wraps the steps, then runs the command."""
    for name, step in STEPS.items():
        _set(name, step)
    from app.cli import main as command  # noqa: PLC0415 - the steps first

    command()


if __name__ == "__main__":
    main()
