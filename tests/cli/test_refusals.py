"""Numbers and ids that nobody can have are refused by every command in a sentence; nothing is done."""

from pathlib import Path

import pytest
from support.command import Shell
from support.process import MINIMAL
from support.stored import put_store

OURS, PERSON = "+33644600000", "+33700000001"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Beside an empty store."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    put_store(tmp_path / "autoreply.db")
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ("history",),
        ("forget", "--yes"),
        ("limits", "reset", "--yes"),
        ("optout", "list"),
        ("optout", "add", "--to", OURS, "--from"),
        ("optout", "add", "--from", PERSON, "--to"),
        ("optout", "remove", "--yes", "--to", OURS, "--from"),
        ("explain", "--to", OURS, "--from"),
        ("explain", "--from", PERSON, "--to"),
        ("send", "--url", "http://127.0.0.1:1", "--to", OURS, "--from"),
        ("send", "--url", "http://127.0.0.1:1", "--from", PERSON, "--to"),
    ],
)
@pytest.mark.parametrize("number", ["+33", "+3370000000O", "+337000000011234567", "who is it then?", " "])
def test_a_number_that_is_none(shell: Shell, arguments: tuple[str, ...], number: str) -> None:
    """Exit 2, the number, and what is wrong with it."""
    done = shell(*arguments, number)
    assert (done.code, done.out) == (2, "")
    (sentence,) = done.err.splitlines()
    assert sentence.startswith("plivo-autoreply: ")
    assert repr(number) in sentence or (number == " " and "history of whom?" in sentence)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("deliveries", "list", "0"), 2),
        (("deliveries", "replay", "x17"), 2),
        (("deliveries", "drop", "-1", "--yes"), 2),
        (("deliveries", "list", "99999999999999999999"), 2),
        (("deliveries", "list", "17"), 1),
        (("deliveries", "replay", "17"), 1),
        (("deliveries", "drop", "17", "--yes"), 1),
        (("deliveries", "pause", "crm"), 2),
        (("send", "--to", OURS, "--from", PERSON, "--uuid", "no.uuid"), 2),
        (("history", "no.uuid/at.all"), 2),
    ],
)
def test_an_id_that_is_none(shell: Shell, arguments: tuple[str, ...], code: int) -> None:
    """Exit 2 for what cannot be an id or the name of a target, 1 for an id that is not there."""
    done = shell(*arguments)
    assert (done.code, done.err != "") == (code, True)
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", ["add", "remove"])
def test_our_number_is_no_name(shell: Shell, command: str) -> None:
    """Nobody texts a name, so nobody opts out of one; a person may write under one."""
    done = shell("optout", command, "--from", PERSON, "--to", "Shop 24")
    assert (done.code, done.err.startswith("plivo-autoreply: 'Shop 24': not a phone number; ")) == (2, True)
    assert shell("optout", "add", "--from", "Shop 24", "--to", OURS).code == 0
