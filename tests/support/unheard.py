"""A service whose stderr does not work, so that its ports must be known before it starts."""

import json
import os
import select
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from support import process, scrape
from support.forked import Forked
from support.ports import free_port

START_SECONDS = 60.0


@dataclass
class Unheard(process.Served):
    """A running `serve` that is asked over HTTP only."""

    process: process.Running
    url: str
    admin: str

    def ready(self) -> dict[str, Any]:
        """What /ready of the operator's socket says."""
        body: dict[str, Any] = json.loads(_get(f"{self.admin}/ready")[1])
        return body

    def scraped(self) -> scrape.Series:
        """Its metrics now."""
        return scrape.series(_get(f"{self.admin}/metrics")[1].decode())


@dataclass(frozen=True)
class Pipe:
    """A pipe that the test holds both ends of."""

    reader: BinaryIO
    writer: BinaryIO

    def read(self, seconds: float = 1.0) -> bytes:
        """What comes until it is quiet for so long."""
        got = b""
        while select.select([self.reader], [], [], seconds)[0] and (part := os.read(self.reader.fileno(), 65536)):
            got += part
        return got

    def fill(self) -> None:
        """Leave no room in it."""
        os.set_blocking(self.writer.fileno(), False)
        try:
            while True:
                os.write(self.writer.fileno(), b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(self.writer.fileno(), True)


@contextmanager
def pipe() -> Iterator[Pipe]:
    """A pipe that nobody reads, until the test does."""
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as out, open(writer, "wb", buffering=0) as into:  # noqa: PTH123 - descriptors
        yield Pipe(out, into)


@contextmanager
def closed() -> Iterator[BinaryIO]:
    """A pipe whose reader has gone."""
    with pipe() as both:
        both.reader.close()
        yield both.writer


@contextmanager
def full() -> Iterator[BinaryIO]:
    """A disk without room."""
    with Path("/dev/full").open("wb", buffering=0) as device:
        yield device


@contextmanager
def unread() -> Iterator[BinaryIO]:
    """A pipe that nobody reads."""
    with pipe() as both:
        yield both.writer


@contextmanager
def stuffed() -> Iterator[BinaryIO]:
    """A pipe that nobody reads, and that takes nothing more."""
    with pipe() as both:
        both.fill()
        yield both.writer


@contextmanager
def absent() -> Iterator[None]:
    """No stderr at all: `2>&-` in a shell."""
    yield None


@contextmanager
def unheard(folder: Path, config: str, stderr: BinaryIO | None) -> Iterator[Unheard]:
    """`serve` with this config and this stderr, on ports that were free a moment ago; stopped at the end."""
    port, admin = free_port(), free_port()
    (folder / "config.toml").write_text(f'{config}\n[admin]\nlisten = "127.0.0.1:{admin}"\n')
    running = start(folder, stderr, "serve", "--port", str(port))
    service = Unheard(running, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}")
    try:
        _wait_until_ready(service)
        yield service
    finally:
        running.kill()
        running.wait()


def start(folder: Path, stderr: BinaryIO | None, *arguments: str) -> process.Running:
    """A command whose stdout and stderr do not work."""
    if stderr:
        return Forked(("app", *arguments), folder, process.environment(folder), stderr.fileno(), stderr.fileno())
    command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *process.COMMAND, *arguments]
    return subprocess.Popen(command, cwd=folder, env=process.environment(folder))


def _wait_until_ready(service: Unheard) -> None:
    deadline = time.monotonic() + START_SECONDS
    while service.process.poll() is None:
        try:
            if service.get("/ready")[0] == 200:
                return
        except OSError:
            assert time.monotonic() < deadline
        time.sleep(0.02)  # polling a process, not waiting for luck
    raise AssertionError(service.process.returncode)


def _get(url: str) -> tuple[int, bytes]:
    return process.fetch(urllib.request.Request(url))
