"""Sinks write the events of the log as lines of a stream.

Nothing here raises; lines that cannot be written are counted.

`DirectSink` writes at once, for commands. `QueuedSink` is for the service, whose event loop must not wait for a reader
or for the encoding of JSON. A daemon thread does both, and what does not fit into its queue is dropped.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, TextIO

from app.telemetry.events import Event, new_event
from app.telemetry.formats import Format
from app.telemetry.output import Output, encode

QUEUED_LINES = 10_000
QUEUED_SIZE = 4 << 20  # characters
BATCH_SIZE = 16 << 10  # characters that are written at once
BATCH_SECONDS = 0.02  # to wait for more lines, because the thread interrupts the event loop once a batch
REPORT_SECONDS = 1.0  # between two attempts to report lost lines
CLOSE_SECONDS = 1.0  # to wait for the last lines


class LostLines:
    """The number of lines that could not be written. `unreported` are those that no line of the log mentions yet."""

    def __init__(self) -> None:
        self.total = 0
        self.unreported = 0
        self._lock = threading.RLock()  # reentrant, for the same reason as that of the queue

    def add(self, lines: int) -> None:
        """Count lost lines."""
        with self._lock:
            self.total += lines
            self.unreported += lines

    def report(self, lines: int) -> None:
        """Note that the log has a line that reports this many."""
        with self._lock:
            self.unreported -= lines


class Sink(Protocol):
    """Where events are written."""

    lost: LostLines

    def put(self, event: Event) -> None:
        """Take an event. May be called in any thread."""

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write the waiting events, for at most `seconds`."""


class DirectSink:
    """A sink that writes each event at once."""

    def __init__(self, stream: TextIO | None, line_format: Format) -> None:
        self.lost = LostLines()
        self._output, self._format = Output(stream), line_format

    def put(self, event: Event) -> None:
        """Write an event, or count it as lost."""
        self.lost.add(1 - self._output.write([encode(self._format(event))]))

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Do nothing, because no event is waiting."""


class QueuedSink:
    """A sink with a thread of its own, which writes events in batches."""

    def __init__(
        self, stream: TextIO | None, line_format: Format, *, lines: int = QUEUED_LINES, size: int = QUEUED_SIZE
    ) -> None:
        self.lost = LostLines()
        self._output, self._format = Output(stream), line_format
        self._most_lines, self._most_size = lines, size
        self._events: deque[Event] = deque()
        self._size = 0  # of the waiting events
        self._closing = False
        self._report_at = 0.0  # the earliest time, by the monotonic clock
        self._lock = threading.RLock()  # reentrant, because a finalizer that runs during `put` may also log
        self._wake = threading.Lock()  # a semaphore, released if there is work; a condition could miss it
        self._wake.acquire()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of events that are waiting to be written."""
        return len(self._events)

    def put(self, event: Event) -> None:
        """Queue an event, or count it as lost. The thread is woken only if it has something new to do."""
        if os.getpid() != self._process:  # a forked child has no such thread
            self._output.write(self._lines([event]))
            return
        with self._lock:
            before = self._size
            if self._closing or len(self._events) >= self._most_lines or before + event.size > self._most_size:
                self.lost.add(1)
                return
            was_empty = not self._events
            self._events.append(event)
            self._size += event.size
            if was_empty or before < BATCH_SIZE <= self._size:
                self._notify()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more events, and wait until all others are written."""
        self._closing = True
        self._notify()
        self._thread.join(seconds)

    def _notify(self) -> None:
        with suppress(RuntimeError):  # released already
            self._wake.release()

    def _run(self) -> None:
        while True:
            self._wait()
            with self._lock:
                batch, last = self._take(), self._closing
                if self._events:
                    self._notify()
            self._write(batch)
            if last and not self._events:
                return

    def _wait(self) -> None:
        """Wait for an event, or until lost lines can be reported again.

        Then wait for more events that can share the batch.
        """
        self._wake.acquire(timeout=REPORT_SECONDS if self.lost.unreported else -1)
        if self._size < BATCH_SIZE and not self._closing:
            self._wake.acquire(timeout=BATCH_SECONDS)

    def _take(self) -> list[Event]:
        batch: list[Event] = []
        size = 0
        while self._events and (not batch or size + self._events[0].size <= BATCH_SIZE):
            batch.append(self._events.popleft())
            size += batch[-1].size
        self._size -= size
        return batch

    def _write(self, batch: list[Event]) -> None:
        unreported = self._to_report()
        report = self._lines([_report(unreported)] if unreported else [])
        lines = self._lines(batch)
        written = self._output.write([*report, *lines])
        if report and written:
            self.lost.report(unreported)
        self.lost.add(len(lines) - max(written - len(report), 0))

    def _to_report(self) -> int:
        """Return how many lost lines to report now. They are reported at most once a second."""
        now = time.monotonic()
        if not self.lost.unreported or (now < self._report_at and not self._closing):
            return 0
        self._report_at = now + REPORT_SECONDS
        return self.lost.unreported

    def _lines(self, events: Iterable[Event]) -> list[bytes]:
        lines = []
        for event in events:
            try:
                lines.append(encode(self._format(event)))
            except Exception:  # noqa: BLE001 - the thread must not end
                self.lost.add(1)
        return lines


def _report(lines: int) -> Event:
    return new_event("warning", "log lines lost", {"logger": "log", "count": lines})
