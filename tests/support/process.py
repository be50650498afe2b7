"""The service as its users run it: the command, in a process of its own, on a free port of loopback."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support import plivo_sdk
from support.forked import Forked

START_SECONDS = 60.0  # on a machine that is busy with other tests
COMMAND = (sys.executable, "-m", "app")
Environment = Mapping[str, str]
NO_MORE: Environment = {}
Running = subprocess.Popen[bytes] | Forked

HEAD = """
[server]
public_url = "https://sms.example.com"
[plivo]
auth_tokens = { env = "PLIVO_AUTH_TOKEN" }
"""
THANKS = """[[routes]]
to = "*"
text = "Thanks, we got your message."
"""
MINIMAL = HEAD + THANKS


def environment(data: Path, **more: str) -> dict[str, str]:
    """What a process under test sees."""
    return os.environ | {"PLIVO_AUTH_TOKEN": plivo_sdk.TOKEN, "AUTOREPLY_DATA": str(data), **more}


def _start(arguments: tuple[str, ...], folder: Path, sees: Environment, out: int, err: int) -> Running:
    """A module or a file with its arguments, forked where the fork server can wait for it."""
    if sys.platform == "linux":
        return Forked(arguments, folder, sees, out, err)
    module = () if arguments[0].endswith(".py") else ("-m",)
    command = [sys.executable, *module, *arguments]
    return subprocess.Popen(command, cwd=folder, env=sees, stdin=subprocess.DEVNULL, stdout=out, stderr=err)


def run(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end, in the folder of its config and data."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        command = _start(("app", *arguments), cwd, environment(cwd, **more), out.fileno(), err.fileno())
        try:
            code = command.wait(60)
        finally:
            command.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def python(program: str, *arguments: str, cwd: Path) -> str:
    """What a few lines of Python print, in a process of their own."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment(cwd), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


class Served:
    """A running `serve` (or another verb) with this folder as its working directory; `more` goes into its environment,
    and `without` does not. It is forked with its modules, unless a `command` starts an interpreter of its own.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        verb: str = "serve",
        program: str = "app",
        command: tuple[str, ...] | None = None,
        more: Environment = NO_MORE,
        without: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.log = folder / "serve.log"
        with self.log.open("ab") as log:
            self._log_start = log.tell()  # a restart goes on in the log of the process before it
            words = verb, "--port", "0", *arguments
            sees = {name: value for name, value in environment(folder, **more).items() if name not in without}
            self.process: Running = (
                subprocess.Popen([*command, *words], cwd=folder, env=sees, stderr=log, stdout=log)
                if command
                else _start((program, *words), folder, sees, log.fileno(), log.fileno())
            )
        self.url = f"http://127.0.0.1:{self._port()}"

    def _port(self) -> int:
        """The port that it says it listens on; fails with its log if it does not start."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            lines = [line for line in self.lines() if line.get("event") == "listening"]
            if lines:
                return int(lines[-1]["port"])
            time.sleep(0.02)  # polling a process, not waiting for luck
        self.kill()  # nobody else knows of it
        raise AssertionError(self.log.read_text())

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]

    def text(self) -> str:
        """All that it has said, whole lines only."""
        said = self.log.read_bytes()[self._log_start :]
        return said[: said.rfind(b"\n") + 1].decode()

    def wait_for(self, event: str, count: int = 1, seconds: float = 60.0, **fields: Any) -> list[dict[str, Any]]:
        """The lines of the log that tell of an event, with these fields, once there are so many.

        The service writes its log behind its answers, in order: what was logged before these lines is there, too.
        """
        wanted = {"event": event, **fields}.items()
        until = time.monotonic() + seconds
        while len(lines := [line for line in self.lines() if wanted <= line.items()]) < count:
            assert time.monotonic() < until, self.text()
            time.sleep(0.02)  # polling a process, not waiting for luck
        return lines

    def get(self, path: str) -> tuple[int, bytes]:
        """A plain GET."""
        return fetch(urllib.request.Request(self.url + path))

    def kill(self) -> None:
        """SIGKILL: no chance to say goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def served(
    folder: Path,
    config: str = MINIMAL,
    *arguments: str,
    command: tuple[str, ...] | None = None,
    more: Environment = NO_MORE,
) -> Iterator[Served]:
    """`serve` with this config, stopped at the end; `more` is added to its environment."""
    (folder / "config.toml").write_text(config)
    service = Served(folder, *arguments, command=command, more=more)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                service.kill()
                raise


def call(
    service: Served,
    method: str,
    path: str,
    params: plivo_sdk.Pairs,
    headers: dict[str, str],
) -> tuple[int, bytes]:
    """One request as Plivo makes it."""
    body = plivo_sdk.form(params)
    if method == "GET":
        return fetch(urllib.request.Request(f"{service.url}{path}?{body}", headers=headers))
    return fetch(urllib.request.Request(service.url + path, body.encode(), headers, method=method))


def fetch(request: urllib.request.Request) -> tuple[int, bytes]:
    """Status and body, whatever the status."""
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
