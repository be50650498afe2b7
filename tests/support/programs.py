"""The receivers and bots that pages show, run as their readers run them, and judged."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from standardwebhooks import Webhook

from support import process
from support.pages import DOCS, blocks, named_files
from support.ports import free_port

RECEIVERS = DOCS / "how-to" / "receive-delivery-reports.md"
BOTS = DOCS / "how-to" / "write-a-bot.md"
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSByZWNlaXZlciBvZiByZXBvcnRz"
START_SECONDS = 60.0
NOW = timedelta(0)


@contextmanager
def running(folder: Path, page: Path, name: str, command: Sequence[str]) -> Iterator[str]:
    """A program of a page on a free port; its URL. `{port}` and `{file}` in the command are replaced."""
    (folder / "reports").mkdir()
    (folder / name).write_text(named_files(page)[name])
    port = free_port()
    words = [word.format(port=port, file=name) for word in command]
    environment = process.environment(folder, CRM_SECRET=SECRET, PORT=str(port))
    with (folder / "program.log").open("w+") as log:
        program = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(port, program, folder / "program.log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        program.terminate()
        program.wait(10)


def judge_receiver(folder: Path, name: str, *command: str) -> None:
    """A receiver keeps each signed report once, and refuses everything else."""
    with running(folder, RECEIVERS, name, command) as url:
        assert _post(url, "first", b'{"number": 1}') == 204
        assert _post(url, "first", b'{"number": 1}') == 204  # a repeat
        assert _post(url, "forged", b'{"number": 2}', secret="whsec_" + "A" * 44) == 401
        assert _post(url, "old", b'{"number": 3}', age=timedelta(minutes=10)) == 401
        assert _post(url, "unsigned", b'{"number": 4}', secret="") == 401
        assert {file.name: file.read_bytes() for file in _reports(folder)} == {"first.json": b'{"number": 1}'}
        (folder / "reports" / "first.json").unlink()
        _deliver(folder, url)
    kept = [json.loads(file.read_bytes())["data"] for file in _reports(folder)]
    assert sorted(report["status"] for report in kept) == ["delivered", "queued", "sent"]


def judge_bot(folder: Path, name: str, *command: str) -> None:
    """A bot answers what it knows, and passes on the rest."""
    with running(folder, BOTS, name, command) as url:
        config = process.MINIMAL.partition("[[routes]]")[0] + blocks(BOTS, "toml")[0].code
        with process.served(folder, config.replace("http://127.0.0.1:9100/", url)) as service:
            assert _reply(service, "Order 1234") == ["Order 1234 was shipped."]
            assert _reply(service, "hello") == ["Got it."]


def _deliver(folder: Path, url: str) -> None:
    """Play a message with its reports, until the receiver has accepted all."""
    config = process.MINIMAL + blocks(RECEIVERS, "toml")[0].code.replace("http://127.0.0.1:9000/", url)
    with process.served(folder, config, more={"CRM_SECRET": SECRET}) as service:
        _reply(service, "hello", "--report", "delivered")
        until = time.monotonic() + START_SECONDS
        while len(_reports(folder)) < 3 and time.monotonic() < until:
            time.sleep(0.05)  # polling another process, not waiting for luck


def _reply(service: process.Served, text: str, *more: str) -> list[str]:
    said = ("--to", "+33644600000", "--from", "+33700000001", "--text", text, "--url", service.url, "--json", *more)
    done = process.run("send", *said, cwd=service.folder)
    assert done.returncode == 0, done.stderr
    return [message["text"] for message in json.loads(done.stdout)["messages"]]


def _post(url: str, name: str, body: bytes, *, secret: str = SECRET, age: timedelta = NOW) -> int:
    at = datetime.now(UTC) - age
    headers = {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "content-type": "application/json"}
    if secret:
        headers["webhook-signature"] = Webhook(secret).sign(name, at, body.decode())
    return process.fetch(urllib.request.Request(url, body, headers))[0]


def _reports(folder: Path) -> list[Path]:
    return sorted((folder / "reports").iterdir())


def _wait_for(port: int, program: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and program.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)  # polling a process, not waiting for luck
    raise AssertionError(log.read_text())
