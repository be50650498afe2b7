"""`init` writes a small file that `check` accepts."""

import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from support import process

from app.config import load

URL = ("--public-url", "https://sms.example.com/")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No token but what a test gives."""
    monkeypatch.delenv("AUTOREPLY_DATA", raising=False)


def _environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PLIVO_AUTH_TOKEN"} | more


def _init(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*process.COMMAND, "init", *arguments],
        cwd=folder,
        env=_environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*process.COMMAND, "check"],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_flags_are_enough(tmp_path: Path) -> None:
    """Without a terminal nothing is asked; `check` finds nothing to complain of, for the token stands in .env."""
    result = _init(
        tmp_path,
        *URL,
        *("--auth-token", "test-auth-token", "--number", "+33 6 44 60 00 00", "--number", "+33644600001"),
        *("--text", 'We say "hi".', "--target", "https://crm.example.com/sms"),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "https://sms.example.com/message" in result.stdout
    checked = _check(tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    loaded = load(tmp_path / "config.toml")
    assert list(loaded.runtime.table.by_number) == ["33644600000", "33644600001"]
    assert list(loaded.runtime.subscriptions.targets) == ["reports"]
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert "test-auth-token" not in (tmp_path / "config.toml").read_text() + result.stdout


def test_one_flag_is_enough(tmp_path: Path) -> None:
    """Every number, a default reply, no target; the token is left to the environment, and that is said."""
    result = _init(tmp_path, *URL)
    assert result.returncode == 0
    assert "set PLIVO_AUTH_TOKEN" in result.stdout
    assert not (tmp_path / ".env").exists()
    assert "PLIVO_AUTH_TOKEN" not in _init(tmp_path, *URL, "-c", "other.toml", PLIVO_AUTH_TOKEN="x").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say --public-url"),
        (("--public-url", "sms.example.com"), 'not a whole URL ("sms.example.com")'),
        ((*URL, "--number", "call me"), '"call me" is not a phone number'),
        ((*URL, "--text", ""), "an empty text sends nothing"),
        ((*URL, "--auth-token", "a b"), "the auth token holds a blank"),
        ((*URL, "--target", "crm"), 'not a whole URL ("crm")'),
    ],
)
def test_wrong_answers_are_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Nothing is written; exit code 2."""
    result = _init(tmp_path, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Unless it is said that it may go."""
    (tmp_path / "config.toml").write_text("mine")
    assert _init(tmp_path, *URL).returncode == 2
    assert (tmp_path / "config.toml").read_text() == "mine"
    assert _init(tmp_path, *URL, "--force").returncode == 0
    assert (tmp_path / "config.toml").read_text() != "mine"


def _wait_for_silence(terminal: int) -> None:
    """Until what is typed is not shown any more: going there drops what was typed before."""
    deadline = time.monotonic() + process.START_SECONDS
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_env_file_without_a_line_end_keeps_its_last_line(tmp_path: Path) -> None:
    """The token gets a line of its own."""
    (tmp_path / ".env").write_text("OTHER=value")
    result = _init(tmp_path, *URL, "--auth-token", "test-auth-token")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / ".env").read_text() == "OTHER=value\nPLIVO_AUTH_TOKEN=test-auth-token\n"


def test_file_is_utf_8_in_every_locale(tmp_path: Path) -> None:
    """Python's default encoding is the terminal's, which may be another one."""
    result = _init(tmp_path, *URL, "--text", "Merci, à bientôt.", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert result.returncode == 0, result.stderr
    assert 'text = "Merci, à bientôt."' in (tmp_path / "config.toml").read_bytes().decode()


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """It comes from a terminal of another encoding."""
    result = _init(tmp_path, *URL, "--text", os.fsdecode(b"caf\xe9"))
    assert result.returncode == 2
    assert "a character that is not UTF-8" in result.stderr
    assert not (tmp_path / "config.toml").exists()


def _converse(folder: Path, answers: list[str]) -> tuple[int, str]:
    """Answer each question once it is asked, as people do; the exit code, and all that was asked."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "app", "init"],
        cwd=folder,
        env=_environment(),
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # or a password would be asked for on the terminal of the tests
    ) as process_:
        assert process_.stderr
        os.close(theirs)
        said = b""
        for answer in answers:
            start = len(said)
            while not said[start:].endswith(b": ") or said.endswith(b"Error: "):
                part = process_.stderr.read(1)
                assert part, said
                said += part
            if said.endswith(b"later): "):
                _wait_for_silence(ours)
            os.write(ours, f"{answer}\n".encode())
        said += process_.stderr.read()
    os.close(ours)
    return process_.returncode, said.decode()


def test_questions_are_asked_in_a_terminal(tmp_path: Path) -> None:
    """Four of them, each again until the answer is right; the token is not shown."""
    answers = ["sms.example.com", "https://sms.example.com", "test-auth-token", "+33644600000, +33644600001", "Hello."]
    code, said = _converse(tmp_path, answers)
    assert (code, 'not a whole URL ("sms.example.com")' in said) == (0, True), said
    loaded = load(tmp_path / "config.toml")
    assert list(loaded.runtime.table.by_number) == ["33644600000", "33644600001"]
    assert 'text = "Hello."' in (tmp_path / "config.toml").read_text()
    assert (tmp_path / ".env").read_text() == "PLIVO_AUTH_TOKEN=test-auth-token\n"
