"""Servers under load, for the benchmarks beside it: one core for the server, another for the load. Linux only.

A figure of one run means nothing on another machine, so every benchmark compares within one run, and lets what it
compares take turns.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import write_requests

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # Plivo's side, as the tests have it
from support import plivo_sdk

HERE = Path(__file__).parent
URL = "https://sms.example.com"
TOKENS = f'"{plivo_sdk.TOKEN}"'
CONFIG = f"""
[server]
public_url = "{URL}"
[plivo]
auth_tokens = {TOKENS}
[limits]
total = "100000000/1d"
[logging]
format = "json"
"""
ROUTE = """
[[routes]]
name = "shop"
to = "*"
rules = ["menu", "order", "ack"]
[rules.menu.keywords]
"HOURS | OPEN" = "Open Mon-Fri 9:00-18:00."
"INFO *" = "About {rest}: https://example.com/i"
"* PRICE *" = "Price list: https://example.com/p"
[rules.order]
match = 'order\\s+(?P<number>\\d{4,8})'
text = "Order {number} was shipped."
[rules.ack]
text = "Got it."
"""
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
CONNECTIONS = 64
START_SECONDS = 120.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running process and the port on which it listens."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU so far, of its children too."""
        return sum(_cpu(pid) for pid in _family(self.pid))

    def memory(self, field: str = "VmRSS") -> float:
        """MB of its status in /proc: VmRSS is resident now, VmHWM was resident at most."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of the load."""

    rate: float  # responses a second
    cpu: float  # seconds of the server's CPU for each
    p50: float  # milliseconds
    p99: float


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, folder: Path, **environment: str) -> Iterator[Server]:
    """Start a server on its core, wait until it listens, and stop it at the end. Its output goes to a file."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | {"AUTOREPLY_DATA": str(folder), "PYTHONPATH": str(HERE.parent)} | environment,
            stdout=output,
            stderr=output,
        )
    os.sched_setaffinity(process.pid, {SERVER_CORE})
    try:
        _wait(port, process, log)
        yield Server(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(config: str, folder: Path) -> Iterator[Server]:
    """The service with this config, its store in the folder."""
    file, port = folder / "config.toml", free_port()
    file.write_text(config)
    command = [sys.executable, "-m", "app", "serve", "-c", str(file), "--port", str(port)]
    with running(command, port, folder) as server:
        yield server


def put_under_load(server: Server, requests: Path, seconds: float, rate: float = 0.0) -> Figures:
    """Run the load on its own core. Raises `RuntimeError` if anything but 200 comes back."""
    arguments = [server.port, CONNECTIONS, seconds, rate, requests]
    before = server.cpu()
    load = subprocess.Popen(
        [sys.executable, str(HERE / "load.py"), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    os.sched_setaffinity(load.pid, {LOAD_CORE})
    output, _ = load.communicate()
    cpu, found = server.cpu() - before, json.loads(output)
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(found["statuses"])
    count = found["statuses"]["200"]
    return Figures(count / found["seconds"], cpu / count, found["p50"], found["p99"])


def messages(scheme: plivo_sdk.Scheme, count: int, seed: int = 7, recipients: int = 1000) -> Iterator[bytes]:
    """Signed inbound messages, each from another person, to so many numbers of ours in turn."""
    chance = random.Random(seed)  # noqa: S311 - a load, no secret
    for number in range(count):
        fields = plivo_sdk.message(
            From=f"3370{chance.randrange(10**8):08}",
            To=f"336446{number % recipients:05}",
            MessageUUID=_uuid(chance),
            Text="hello there, how are you?",
        )
        yield request("/message", fields, scheme)


def reports(scheme: plivo_sdk.Scheme, count: int, seed: int = 8) -> Iterator[bytes]:
    """Signed delivery reports, each of another message."""
    chance = random.Random(seed)  # noqa: S311 - a load, no secret
    for _ in range(count):
        yield request(f"/report/{_uuid(chance)}", plivo_sdk.report(MessageUUID=_uuid(chance)), scheme)


def request(path: str, fields: plivo_sdk.Pairs, scheme: plivo_sdk.Scheme) -> bytes:
    """One request as Plivo makes it."""
    body = plivo_sdk.form(fields)
    head = {
        "Host": "sms.example.com",
        "User-Agent": "Plivo",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        **plivo_sdk.headers("POST", f"{URL}{path}", fields, scheme),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n{body}".encode()


def prepared(folder: Path, name: str, requests: Iterable[bytes]) -> Path:
    """A file of requests for the load."""
    path = folder / name
    write_requests(path, requests)
    return path


def kept(what: str, value: float, *, at_least: float = 0.0, at_most: float = float("inf")) -> bool:
    """Print whether a promise was kept, and return it."""
    bound = f"at least {at_least:g}" if at_least else f"at most {at_most:g}"
    holds = at_least <= value <= at_most
    print(f"{what}: {value:.3g}, promised {bound}: {'kept' if holds else 'BROKEN'}")
    return holds


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128)))


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(log.read_text())


def _family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS  # utime and stime
