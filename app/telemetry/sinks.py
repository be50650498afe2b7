"""Write log lines to a stream that may be closed, full or unread: nothing here raises, or waits for long.

`Direct` writes at once, for a command. `Queued` is for the service, whose event loop must not wait for a reader: a
daemon thread writes, and what does not fit into its queue is dropped. Both count the lines that were lost. A file
descriptor is written without `sys.stderr` in between, which keeps what it could not write, and lets the interpreter
end with status 120, or abort, for it.
"""

import io
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Protocol, TextIO

QUEUED_LINES = 1_000
QUEUED_BYTES = 1 << 20
BATCH_BYTES = 16 << 10  # written at once
RETRY_SECONDS = 1.0  # between two attempts to tell of lost lines
BUSY_SECONDS = 1.0  # for a descriptor in non-blocking mode to take more
CLOSE_SECONDS = 1.0  # for the last lines

Write = Callable[[memoryview], int]
Notice = Callable[[int], str]  # the line that tells how many were lost


@dataclass(slots=True)
class Losses:
    """Lines that did not get out. `untold` are those that the log itself has not told of: it does not work now."""

    total: int = 0
    untold: int = 0

    def add(self, lines: int) -> None:
        """Count lost lines."""
        self.total += lines
        self.untold += lines


class Sink(Protocol):
    """Where lines go."""

    losses: Losses

    def put(self, line: str) -> None:
        """Take a line. Never raises."""

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits, for so long at most."""


class Output:
    """A stream, written to in whole lines."""

    def __init__(self, stream: TextIO | None) -> None:
        self._write = _writer(stream)
        self._torn = False  # a line was begun and not ended

    def write(self, lines: Sequence[bytes]) -> int:
        """Write the lines; return how many of them, from the first on, got out whole."""
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


class Direct:
    """Writes each line at once."""

    def __init__(self, stream: TextIO | None) -> None:
        self.losses = Losses()
        self._output = Output(stream)

    def put(self, line: str) -> None:
        """Write a line, or count it as lost."""
        self.losses.add(1 - self._output.write([encode(line)]))

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Do nothing: no line waits."""


class Queued:
    """Hands lines to a thread of its own."""

    def __init__(
        self, stream: TextIO | None, notice: Notice, *, lines: int = QUEUED_LINES, size: int = QUEUED_BYTES
    ) -> None:
        self.losses = Losses()
        self._output, self._notice = Output(stream), notice
        self._most_lines, self._most_bytes = lines, size
        self._lines: deque[bytes] = deque()
        self._bytes = 0  # of the lines that wait
        self._closing = False
        self._changed = threading.Condition()  # reentrant: a finalizer that runs in `put` may log, too
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Lines that wait for the thread."""
        return len(self._lines)

    def put(self, line: str) -> None:
        """Queue a line, or count it as lost."""
        data = encode(line)
        if os.getpid() != self._process:  # a child that was forked off has no thread to write
            self._output.write([data])
            return
        with self._changed:
            if self._closing or len(self._lines) >= self._most_lines or self._bytes + len(data) > self._most_bytes:
                self.losses.add(1)
                return
            self._lines.append(data)
            self._bytes += len(data)
            self._changed.notify()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more lines, and wait until those that were taken are written."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, RETRY_SECONDS if self.losses.untold else None)
                batch, untold, last = self._take(), self.losses.untold, self._closing
            self._write(batch, untold)
            if last and not self._lines:
                return

    def _has_work(self) -> bool:
        return bool(self._lines) or self._closing

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._lines and (not batch or size + len(self._lines[0]) <= BATCH_BYTES):
            batch.append(self._lines.popleft())
            size += len(batch[-1])
        self._bytes -= size
        return batch

    def _write(self, batch: list[bytes], untold: int) -> None:
        notice = [encode(self._notice(untold))] if untold else []
        written = self._output.write([*notice, *batch])
        with self._changed:
            if notice and written:
                self.losses.untold -= untold
            self.losses.add(len(batch) - max(written - len(notice), 0))


def encode(line: str) -> bytes:
    """Return the bytes of a line, whatever it holds."""
    return f"{line}\n".encode(errors="backslashreplace")


def _writer(stream: TextIO | None) -> Write:
    """Return what writes to a stream: to its descriptor, if it has one. A Python without stderr has no stream."""
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
    except BlockingIOError:  # whoever shares a pipe or a terminal with us may have made it so
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
