"""Text for people: it fits the terminal, what is to be copied stands alone, and only a terminal gets colours."""

import fcntl
import io
import os
import re
import struct
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from app import telemetry

ADVICE = "expected on a first start; otherwise this is the wrong store, without your opt-outs and reports"
URL = f"https://sms.example.com/{'a' * 80}/message"
COLOUR = re.compile("\x1b\\[[0-9;]*m")


class Screen:
    """A terminal of some columns, and what was written to it."""

    def __init__(self, reader: int, stream: TextIO) -> None:
        self._reader = reader
        self.stream = stream

    def resize(self, columns: int) -> None:
        """Somebody drags the window."""
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self) -> str:
        """What was written since the last look."""
        return os.read(self._reader, 65536).decode().replace("\r\n", "\n")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """A terminal of 60 columns that knows colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    reader, writer = os.openpty()
    with os.fdopen(writer, "w") as stream:
        made = Screen(reader, stream)
        made.resize(60)
        yield made
    os.close(reader)


def test_lines_fit_the_terminal(screen: Screen) -> None:
    """A line is broken between words, and goes on below the level; the width is that of the moment."""
    telemetry.configure("auto", stream=screen.stream)
    logger = telemetry.get_logger("service")
    logger.info("new store", store="/data/autoreply.db", advice=ADVICE)
    first, *rest = screen.read().splitlines()
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} info     new store  logger=service", first)
    assert len(rest) > 1
    assert all(len(line) <= 60 for line in (first, *rest))
    assert all(line.startswith(" " * 13) for line in rest)
    words = " ".join(" ".join([first, *rest]).split())
    assert words.endswith(f"new store logger=service store=/data/autoreply.db advice='{ADVICE}'")
    screen.resize(300)
    logger.info("new store", store="/data/autoreply.db", advice=ADVICE)
    assert len(screen.read().splitlines()) == 1


@pytest.mark.parametrize("form", ["auto", "console"])
def test_the_url_to_paste_stands_alone(screen: Screen, form: telemetry.LogFormat) -> None:
    """Whole, on a line of its own, however long it is; the other fields stay together."""
    telemetry.configure(form, stream=screen.stream)
    telemetry.get_logger("serve").info("serving", message_url=URL, routes=1)
    assert [line.split() for line in screen.read().splitlines()][1:] == [["message_url", URL]]
    stream = io.StringIO()
    telemetry.configure("console", stream=stream)
    telemetry.get_logger("serve").info("serving", message_url=URL, routes=1)
    first, second = stream.getvalue().splitlines()
    assert first.endswith("logger=serve routes=1")
    assert second.split() == ["message_url", URL]


@pytest.mark.parametrize("level", ["info", "warning", "error", "critical"])
def test_warnings_and_errors_have_a_colour(screen: Screen, level: str) -> None:
    """Level and event do, in a terminal; what strangers wrote does not, and cannot begin one."""
    telemetry.configure("auto", stream=screen.stream)
    getattr(telemetry.get_logger("web"), level)("refused", reason="x\x1b[31m[red]y[/red]")
    said = screen.read()
    assert len(COLOUR.findall(said)) == (0 if level == "info" else 2)
    assert r"reason=x\u001b[31m[red]y[/red]" in said
    plain = COLOUR.sub("", said)
    assert re.match(rf"\d\d:\d\d:\d\d\.\d{{3}} {level:<8} refused  logger=web", plain)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_switched_off(screen: Screen, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """As https://no-color.org wants it, and by a terminal that has none."""
    monkeypatch.setenv(name, value)
    telemetry.configure("auto", stream=screen.stream)
    telemetry.get_logger("web").error("refused")
    assert "\x1b" not in screen.read()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_file_gets_no_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: telemetry.LogFormat) -> None:
    """Nor does a pipe, even if colours are asked for; its lines are not broken."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    with (tmp_path / "log").open("w") as stream:
        telemetry.configure(form, stream=stream)
        telemetry.get_logger("service").error("new store", advice=ADVICE)
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "\x1b" not in line
    assert ADVICE in line


def test_json_on_a_terminal_has_no_colours(screen: Screen) -> None:
    """Whoever asks for JSON gets JSON."""
    telemetry.configure("json", stream=screen.stream)
    telemetry.get_logger("service").error("new store", advice=ADVICE)
    assert screen.read().startswith('{"timestamp":')


def test_an_event_longer_than_the_line(screen: Screen) -> None:
    """It is broken as the fields are, and what is on the first line has the colour."""
    telemetry.configure("auto", stream=screen.stream)
    telemetry.get_logger("somebody").warning(ADVICE)
    said = screen.read()
    assert all(len(COLOUR.sub("", line)) <= 60 for line in said.splitlines())
    assert " ".join(COLOUR.sub("", said).split()).endswith(f"warning {ADVICE} logger=somebody")
