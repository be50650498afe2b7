"""G7 from outside: whatever becomes of the log, requests are answered, /ready and the metrics tell, and it stops."""

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest
from support import plivo_sdk, process, scrape, unheard, wire

Stderr = Callable[[], AbstractContextManager[BinaryIO | None]]

RULES = """
async def reply(message, context):
    for number in range(20_000 if message.text == "flood" else 0):
        context.logger.warning("flooding", number=number, padding="x" * 100)
    return f"You said {message.text}."
"""
CONFIG = process.MINIMAL.replace('text = "Thanks, we got your message."', 'rules = ["talk"]') + (
    '[rules.talk]\npython = "talking:reply"\n'
)
BROKEN = pytest.mark.parametrize("stderr", [unheard.closed, unheard.full, unheard.unread, unheard.absent])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the rule stands."""
    (tmp_path / "talking.py").write_text(RULES)
    return tmp_path


def _message(service: process.Served, text: str = "hello") -> tuple[int, str | None]:
    status, xml = wire.tell(service, wire.message(Text=text))
    return status, wire.text_of(xml)


def _talk(service: process.Served, times: int) -> None:
    """Signed messages and reports, and calls that nobody signed, several at a time."""

    def turn(_number: int) -> None:
        assert _message(service) == (200, "You said hello.")
        assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
        assert process.call(service, "POST", "/message", wire.message(), {})[0] == 403

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(times)))


def _stop(service: unheard.Unheard) -> None:
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(30) == 0  # whoever waits for a reader waits for ever


@BROKEN
def test_a_broken_log_harms_no_request(folder: Path, stderr: Stderr) -> None:
    """Its reader gone, its disk full, nobody reading: every call is answered as usual, and SIGTERM ends the process."""
    with stderr() as broken, unheard.unheard(folder, CONFIG, broken) as service:
        _talk(service, 50)
        assert _message(service, "flood") == (200, "You said flood.")
        _talk(service, 150)
        assert service.get("/health")[0] == 200
        told = service.ready()
        assert told["ready"] is True
        assert told["lost_log_lines"] > 1000
        assert any("log lines cannot be written" in sentence for sentence in told["trouble"])
        assert scrape.value(service.scraped(), "lost_log_lines_total") >= told["lost_log_lines"]
        _stop(service)


def test_lost_lines_are_told_once_the_log_is_read_again(folder: Path) -> None:
    """The log tells how many lines were lost, every line is whole, and nothing is wrong any more."""
    with unheard.pipe() as pipe, unheard.unheard(folder, CONFIG, pipe.writer) as service:
        assert _message(service, "flood") == (200, "You said flood.")
        lost = service.ready()["lost_log_lines"]
        lines = [json.loads(line) for line in pipe.read(2.0).splitlines()]  # one line a second tells
        told = [line for line in lines if line["event"] == "log lines lost"]
        assert {line["level"] for line in told} == {"warning"}
        assert sum(line["count"] for line in told) == lost
        assert len(told) <= 2
        flood = sum(line["event"] == "flooding" for line in lines)
        assert (
            20_000 <= flood + lost <= 20_002
        )  # behind the flood, "answered" and a warning of a blocked loop were lost
        assert (service.ready()["lost_log_lines"], service.ready()["trouble"]) == (lost, [])
        assert _message(service) == (200, "You said hello.")
        assert json.loads(pipe.read().splitlines()[-1])["event"] == "answered"
        _stop(service)


@pytest.mark.parametrize("stderr", [unheard.closed, unheard.full, unheard.stuffed, unheard.absent])
@pytest.mark.parametrize("arguments", [["history", "+33700000001"], ["serve", "--port", "0"]])
def test_a_command_keeps_its_exit_code(folder: Path, stderr: Stderr, arguments: list[str]) -> None:
    """A command that nobody can hear ends all the same, with the code for a user's mistake."""
    (folder / "config.toml").write_text(CONFIG)
    (folder / "autoreply.db").write_text("This is no SQLite file, but a text that is long enough to be taken for one.")
    with stderr() as broken:
        running = unheard.start(folder, broken, *arguments)
        try:
            assert running.wait(20) == 2
        finally:
            running.kill()
