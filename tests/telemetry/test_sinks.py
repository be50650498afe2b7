"""Sinks: nothing raises, nothing waits, what is lost is counted, and what gets out is whole lines."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import unheard

from app.telemetry.sinks import Direct, Output, Queued, Sink


@contextmanager
def queued(stream: io.TextIOBase | None, **bounds: int) -> Iterator[Queued]:
    """A sink with a thread, closed at the end."""
    sink = Queued(stream, lambda lost: f"{lost} lost", **bounds)  # type: ignore[arg-type]
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
    """From many threads, each whole; those of a thread in its order; all of them by the end of `close`."""
    stream = io.StringIO()
    with queued(stream) as sink:

        def talk(name: str) -> None:
            for number in range(100):
                sink.put(f"{name} {number}")

        threads = [threading.Thread(target=talk, args=name) for name in "abcdefgh"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = stream.getvalue().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abcdefgh" for number in range(100))
    assert [line for line in lines if line.startswith("a")] == [f"a {number}" for number in range(100)]
    assert sink.losses.total == 0


@pytest.mark.parametrize("bounds", [{"lines": 10}, {"size": 10 * len("line 10\n")}])
def test_what_does_not_fit_is_dropped_and_counted(bounds: dict[str, int]) -> None:
    """Neither lines nor bytes beyond the bounds wait; once somebody reads, one line tells how many are missing."""
    with unheard.pipe() as pipe, writing(pipe) as stream:
        pipe.fill()
        with queued(stream, **bounds) as sink:
            sink.put("line 00")
            _until(lambda: not sink.waiting)  # the thread has taken it, and hangs in its write
            for number in range(1, 31):
                sink.put(f"line {number:02}")
            assert (sink.losses.total, sink.losses.untold) == (20, 20)
            got = pipe.read().replace(b"x", b"").decode().splitlines()
            assert got == ["line 00", "20 lost", *(f"line {number:02}" for number in range(1, 11))]
            assert (sink.losses.total, sink.losses.untold) == (20, 0)


def test_closing_waits_for_a_reader_no_longer_than_it_is_told() -> None:
    """A process ends although nobody reads; later lines are lost."""
    with unheard.pipe() as pipe, writing(pipe) as stream:
        pipe.fill()
        sink = Queued(stream, str)
        sink.put("never read")
        started = time.monotonic()
        sink.close(0.2)
        assert 0.1 < time.monotonic() - started < 2
        sink.put("too late")
        assert sink.losses.total == 1
        pipe.read(0.2)  # lets the thread end


def test_lost_lines_are_told_without_waiting_for_the_next_line() -> None:
    """A disk that was full and has room again gets the count, and only once."""
    disk = Disk()
    with queued(disk) as sink:
        disk.full = True
        for _ in range(3):
            sink.put("lost")
        _until(lambda: sink.losses.total == 3)
        disk.full = False
        _until(lambda: disk.getvalue() == "3 lost\n")
        sink.put("hello")
        _until(lambda: disk.getvalue() == "3 lost\nhello\n")
    assert (sink.losses.total, sink.losses.untold) == (3, 0)


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
                sink.put(f"line {number}")
            got = pipe.read().replace(b"x", b"").decode().splitlines()
        assert got == [f"line {number}" for number in range(1000)]


def test_lines_that_utf_8_cannot_encode() -> None:
    """Half a character pair is escaped."""
    stream = io.StringIO()
    Direct(stream).put("a\ud800b")
    assert stream.getvalue() == "a\\ud800b\n"


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("kind", [Direct, lambda stream: Queued(stream, str)])
@pytest.mark.parametrize("stream", [_closed(), None], ids=["closed", "none"])
def test_a_stream_that_is_not_there(kind: Callable[[io.StringIO | None], Sink], stream: io.StringIO | None) -> None:
    """A Python without stderr, or one that somebody closed: lines are lost, nothing is raised."""
    broken = kind(stream)
    broken.put("a")
    broken.put("b")
    broken.close()
    assert broken.losses.total == 2


def _told(program: str) -> list[str]:
    """What a program of its own writes to stderr."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    return done.stderr.splitlines()


FORKING = """
import io, os, sys
from app.telemetry.sinks import Queued

sink = Queued(sys.stderr, str)
sink.put("parent")
sink.close()
sink = Queued(sys.stderr, str)
if (child := os.fork()) == 0:
    sink.put("child")
    os._exit(0)
os.waitpid(child, 0)
sink.close()
"""


def test_a_forked_child_can_log() -> None:
    """It has no thread to write for it, and writes at once; it takes no lock that another thread held."""
    assert _told(FORKING) == ["parent", "child"]


COLLECTING = """
import gc, sys
from app.telemetry.sinks import Queued

class Talker:
    def __del__(self):
        sink.put("finalizer")

sink = Queued(sys.stderr, str)
with sink._changed:
    Talker()
sink.close()
"""


def test_a_finalizer_may_log_while_a_line_is_queued() -> None:
    """Memory may be collected at any moment, also inside `put`, in the same thread."""
    assert _told(COLLECTING) == ["finalizer"]
