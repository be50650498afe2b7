"""Sinks: nothing raises, nothing waits, what is lost is counted, and what gets out is whole lines."""

import gc
import io
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import unheard

from app.telemetry.events import Event, new_event
from app.telemetry.formats import Format, formatter
from app.telemetry.output import Output, encode
from app.telemetry.sinks import DirectSink, QueuedSink, Sink


def text(event: Event) -> str:
    """A format."""
    return f"{event.fields['count']} lost" if "count" in event.fields else event.text


def said(words: str) -> Event:
    """An event with a text and nothing else."""
    return new_event("info", words, {})


@contextmanager
def queued(stream: io.TextIOBase | None, line_format: Format = text, /, **bounds: int) -> Iterator[QueuedSink]:
    """A sink with a thread, closed at the end."""
    sink = QueuedSink(stream, line_format, **bounds)  # type: ignore[arg-type]
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def writing(pipe: unheard.Pipe) -> Iterator[io.TextIOWrapper]:
    """The writer's end as Python's stderr is."""
    with os.fdopen(os.dup(pipe.writer.fileno()), "w") as stream:
        yield stream


class Disk(io.StringIO):
    """A stream without a descriptor, that is full when the test says so."""

    full = False

    def write(self, text: str, /) -> int:
        """Write, if there is room."""
        if self.full:
            raise OSError
        return super().write(text)


def _until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # polling a thread, not waiting for luck


def test_lines_get_out_in_order() -> None:
    """From many threads, each whole; those of a thread in its order; none waits for another one to come."""
    stream = io.StringIO()
    with queued(stream) as sink:

        def talk(name: str) -> None:
            for number in range(100):
                sink.put(said(f"{name} {number}"))

        threads = [threading.Thread(target=talk, args=name) for name in "abcdefgh"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _until(lambda: stream.getvalue().count("\n") == 800)
    lines = stream.getvalue().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abcdefgh" for number in range(100))
    assert [line for line in lines if line.startswith("a")] == [f"a {number}" for number in range(100)]
    assert sink.lost.total == 0


@pytest.mark.parametrize("bounds", [{"lines": 10}, {"size": 10 * said("line 10").size}])
def test_what_does_not_fit_is_dropped_and_counted(bounds: dict[str, int]) -> None:
    """Neither lines nor bytes beyond the bounds wait; once somebody reads, one line tells how many are missing."""
    with unheard.pipe() as pipe, writing(pipe) as stream:
        pipe.fill()
        with queued(stream, **bounds) as sink:
            sink.put(said("line 00"))
            _until(lambda: not sink.waiting)  # the thread has taken it, and hangs in its write
            for number in range(1, 31):
                sink.put(said(f"line {number:02}"))
            assert (sink.lost.total, sink.lost.unreported) == (20, 20)
            got = pipe.read().replace(b"x", b"").decode().splitlines()
            assert got == ["line 00", "20 lost", *(f"line {number:02}" for number in range(1, 11))]
            assert (sink.lost.total, sink.lost.unreported) == (20, 0)


def test_closing_waits_for_a_reader_no_longer_than_it_is_told() -> None:
    """A process ends although nobody reads; later lines are lost."""
    with unheard.pipe() as pipe, writing(pipe) as stream:
        pipe.fill()
        sink = QueuedSink(stream, text)
        sink.put(said("never read"))
        started = time.monotonic()
        sink.close(0.2)
        assert 0.1 < time.monotonic() - started < 30  # without a bound for ever
        sink.put(said("too late"))
        assert sink.lost.total == 1
        pipe.read(0.2)  # lets the thread end


def test_lost_lines_are_told_without_waiting_for_the_next_line() -> None:
    """A disk that was full and has room again gets the count, and only once."""
    disk = Disk()
    with queued(disk) as sink:
        disk.full = True
        for _ in range(3):
            sink.put(said("lost"))
        _until(lambda: sink.lost.total == 3)
        disk.full = False
        _until(lambda: disk.getvalue() == "3 lost\n")
        sink.put(said("hello"))
        _until(lambda: disk.getvalue() == "3 lost\nhello\n")
    assert (sink.lost.total, sink.lost.unreported) == (3, 0)


def test_a_torn_line_is_ended_before_the_next() -> None:
    """A disk that fills in the middle of a line leaves half of it; the next line begins on a line of its own."""
    with unheard.pipe() as pipe, writing(pipe) as stream:
        output = Output(stream)
        pipe.fill()
        os.set_blocking(pipe.writer.fileno(), False)
        os.read(pipe.reader.fileno(), 4096)
        assert output.write([b"a" * 1000 + b"\n", b"b" * 5000 + b"\n", b"c\n"]) == 1
        pipe.read(0.1)
        assert output.write([b"d\n", b"e\n"]) == 2
        assert pipe.read(0.1) == b"\nd\ne\n"


def test_a_descriptor_in_non_blocking_mode_is_waited_for() -> None:
    """Whoever shares a pipe may have made it so; a reader who is slow loses nothing."""
    with unheard.pipe() as pipe, writing(pipe) as stream:
        pipe.fill()
        os.set_blocking(pipe.writer.fileno(), False)
        with queued(stream) as sink:
            for number in range(1000):
                sink.put(said(f"line {number}"))
            got = pipe.read().replace(b"x", b"").decode().splitlines()
        assert got == [f"line {number}" for number in range(1000)]


def test_lines_that_utf_8_cannot_encode() -> None:
    """Half a character pair is escaped."""
    assert encode("a\ud800b") == b"a\\ud800b\n"


def test_what_waits_is_as_it_was() -> None:
    """A line has the time and the values of its event, whatever changes before it is written."""
    stream, items = io.StringIO(), [1]
    with queued(stream, formatter("last4", console=False)) as sink:
        earliest = datetime.now(UTC)
        sink.put(new_event("info", "event", {"items": items}))
        latest = datetime.now(UTC)
        items.append(2)
    line = json.loads(stream.getvalue())
    assert line["items"] == [1]
    assert earliest <= datetime.fromisoformat(line["timestamp"]) <= latest


class Local:
    """Something that a frame refers to."""


def _failing() -> tuple[Event, "weakref.ref[Local]"]:
    local = Local()
    try:
        int(f"hush {local}")
    except ValueError:
        return new_event("error", "failed", {"exc_info": True}), weakref.ref(local)
    raise AssertionError


def test_what_waits_keeps_no_frame_alive() -> None:
    """G12: an event has the place of an exception as text; its local variables may hold a customer's words."""
    event, local = _failing()
    gc.collect()
    assert "in _failing\nbuiltins.ValueError" in event.fields["exception"]
    assert local() is None
    assert "hush" not in repr(event)


def test_an_event_that_cannot_be_written_does_not_end_the_thread() -> None:
    """It is a lost line; the next ones are written."""
    stream = io.StringIO()

    def picky(event: Event) -> str:
        return text(event) if event.text != "odd" else event.fields["missing"]

    with queued(stream, picky) as sink:
        for words in ("a", "odd", "b"):
            sink.put(said(words))
    assert (stream.getvalue(), sink.lost.total) == ("a\nb\n", 1)


class Counted(io.StringIO):
    """A stream that counts how often it is written to."""

    writes = 0

    def write(self, text: str, /) -> int:
        """Write and count."""
        self.writes += 1
        return super().write(text)


def test_lines_are_written_in_batches() -> None:
    """The thread takes the interpreter away from the event loop once for many lines, not for each."""
    stream = Counted()
    with queued(stream) as sink:
        for number in range(200):
            sink.put(said(f"line {number}"))
    assert len(stream.getvalue().splitlines()) == 200
    assert stream.writes < 50


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("kind", [DirectSink, QueuedSink])
@pytest.mark.parametrize("stream", [_closed(), None], ids=["closed", "none"])
def test_a_stream_that_is_not_there(kind: type[DirectSink | QueuedSink], stream: io.StringIO | None) -> None:
    """A Python without stderr, or one that somebody closed: lines are lost, nothing is raised."""
    broken: Sink = kind(stream, text)
    broken.put(said("a"))
    broken.put(said("b"))
    broken.close()
    assert broken.lost.total == 2


def _told(program: str) -> list[str]:
    """What a program of its own writes to stderr."""
    command = [sys.executable, "-W", "ignore", "-c", PREAMBLE + program]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    return done.stderr.splitlines()


PREAMBLE = """
import os, sys
from app.telemetry.events import new_event
from app.telemetry.sinks import QueuedSink

def said(words):
    return new_event("info", words, {})

def queued():
    return QueuedSink(sys.stderr, lambda event: event.text)
"""
FORKING = """
sink = queued()
sink.put(said("parent"))
sink.close()
sink = queued()
if (child := os.fork()) == 0:
    sink.put(said("child"))
    os._exit(0)
os.waitpid(child, 0)
sink.close()
"""


def test_a_forked_child_can_log() -> None:
    """It has no thread to write for it, and writes at once; it takes no lock that another thread held."""
    assert _told(FORKING) == ["parent", "child"]


COLLECTING = """
class Talker:
    def __del__(self):
        sink.put(said("finalizer"))

sink = queued()
with sink._lock:
    Talker()
sink.close()
"""


def test_a_finalizer_may_log_while_a_line_is_queued() -> None:
    """Memory may be collected at any moment, also inside `put`, in the same thread."""
    assert _told(COLLECTING) == ["finalizer"]
