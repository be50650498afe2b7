"""Write whole lines to a stream that may be closed or full. Nothing here raises, or waits for long.

A file descriptor is written directly and not through `sys.stderr`, which keeps what it could not write, and for which
the interpreter then exits with status 120 or aborts.
"""

import io
import os
import select
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import TextIO

BUSY_SECONDS = 1.0  # to wait for space in a non-blocking descriptor

Write = Callable[[memoryview], int]


class Output:
    """A stream that whole lines are written to."""

    def __init__(self, stream: TextIO | None) -> None:
        self._write = _writer(stream)
        self._torn = False  # whether the last line is incomplete

    def write(self, lines: Sequence[bytes]) -> int:
        """Write the lines. Return how many of them were written completely, counted from the first."""
        if self._torn and lines:
            lines = [b"\n" + lines[0], *lines[1:]]
        data = b"".join(lines)
        written = self._push(memoryview(data))
        if written:
            self._torn = data[written - 1] != ord("\n")
        return sum(end <= written for end in accumulate(map(len, lines)))

    def _push(self, data: memoryview) -> int:
        written = 0
        try:
            while written < len(data):
                written += self._write(data[written:])
        except (OSError, ValueError):  # a closed Python stream raises ValueError
            pass
        return written


def encode(line: str) -> bytes:
    """Return the bytes of a line, whatever characters it contains."""
    return f"{line}\n".encode(errors="backslashreplace")


def _writer(stream: TextIO | None) -> Write:
    """Return the function that writes to a stream, by its descriptor if it has one.

    Python without stderr has no stream.
    """
    if stream is None:
        return _write_nowhere
    try:
        return partial(_write_descriptor, stream.fileno())
    except io.UnsupportedOperation:
        return partial(_write_text, stream)
    except (OSError, ValueError):
        return _write_nowhere


def _write_descriptor(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # another process may have set this on a shared pipe or terminal
        _wait_for_room(descriptor)
        return os.write(descriptor, data)


def _wait_for_room(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll(BUSY_SECONDS * 1000)


def _write_text(stream: TextIO, data: memoryview) -> int:
    stream.write(bytes(data).decode())
    stream.flush()
    return len(data)


def _write_nowhere(_data: memoryview) -> int:
    raise OSError
