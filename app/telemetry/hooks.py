"""Keep Python itself from writing to stderr: log that it would have, without the text.

A warning, an exception in a finalizer or a thread, and anything that a rule prints may contain a customer's words.
Writing it could also block a request, if nothing reads stderr.
"""

import io
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from app.telemetry.logger import get_logger
from app.telemetry.values import place_of

log = get_logger("python")


def log_warnings() -> None:
    """Log each call of `warnings.warn` by category, file and line."""
    warnings.showwarning = _warned


@contextmanager
def nothing_printed() -> Iterator[None]:
    """Log where something is printed, instead of printing it. Afterwards stdout and stderr are restored."""
    before = sys.unraisablehook, threading.excepthook
    sys.unraisablehook, threading.excepthook = _unraisable, _thread_failed
    try:
        with redirect_stdout(_Withheld("stdout")), redirect_stderr(_Withheld("stderr")):
            yield
    finally:
        sys.unraisablehook, threading.excepthook = before


def log_loop_error(_loop: object, context: dict[str, Any]) -> None:
    """Log an error of the event loop without its message, which asyncio would log. For `loop.set_exception_handler`."""
    error = context.get("exception")
    where = place_of(error) if isinstance(error, BaseException) else None
    get_logger("asyncio").error("unhandled exception in a background task", error=where)


class _Withheld(io.TextIOBase):
    """A stream that drops each line, and logs where it was printed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, text: str, /) -> int:
        """Log the place of the caller at each end of a line."""
        if "\n" in text:
            caller = sys._getframe(1)  # noqa: SLF001 - as `logging` finds its caller
            where = f"{caller.f_code.co_filename}:{caller.f_lineno}"
            log.warning("printed text withheld", stream=self._name, at=where)
        return len(text)


def _warned(
    message: Warning | str,  # noqa: ARG001 - it may contain a customer's words
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.warning("Python warning", category=category.__name__, at=f"{filename}:{lineno}")


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    log.error("unhandled exception in a finalizer", exc_info=unraisable.exc_value)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    log.error("unhandled exception in a thread", exc_info=failed.exc_value)
