"""Describe exceptions by types, files and lines, never by a message or a local variable."""

from collections import deque
from collections.abc import Iterator
from traceback import walk_tb

from app.telemetry.values import shorten_text

TRACE_LINES = 60  # of an exception and its causes
FRAMES = 20  # the innermost of one exception


def describe(error: object) -> str:
    """Return the lines of an exception and its causes; "" for anything else."""
    return "\n".join(_lines(error)) if isinstance(error, BaseException) else ""


def _lines(error: BaseException | None) -> Iterator[str]:
    """Yield about `TRACE_LINES` lines. Source files are not read, because this would block the event loop."""
    count = 0
    while error is not None and count < TRACE_LINES:
        frames = deque(walk_tb(error.__traceback__), maxlen=FRAMES)
        for frame, line in frames:
            yield shorten_text(f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}")
        yield shorten_text(f"{type(error).__module__}.{type(error).__qualname__}")
        count += len(frames) + 1
        error = _cause(error)


def _cause(error: BaseException) -> BaseException | None:
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    return inner or error.__cause__ or (None if error.__suppress_context__ else error.__context__)
