"""What strangers wrote reaches no terminal: neither as it came nor in another disguise."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import plivo_sdk, process, receiver, wire
from support.command import Shell
from support.process import MINIMAL

from app.operations.escape import escaped, escaped_json

CONTROLS = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x7f"
ATTACK = f"{CONTROLS}\u202egnp.exe\u202c\u2066\u2069\u200e\u200f\u200b\u2028\u2029\ufeff\r\nforged line"
HARMLESS = "été 東京\u3000👍🏽 ok\u00a0!"


def _is_clean(output: str) -> bool:
    """Only what has a shape or a width, and line ends."""
    return all(
        character == "\n" or character.isprintable() or unicodedata.category(character) == "Zs" for character in output
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\x00"),
        ("\u202eevil\u202c", r"\u202eevil\u202c"),
        ("\u2066\u2069\u200e\u200f\u061c", r"\u2066\u2069\u200e\u200f\u061c"),
        ("\u200b\u2060\ufeff\u00ad\u3164\u2800", r"\u200b\u2060\ufeff\xad\u3164\u2800"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\U000e0041\ud800", r"\U000e0041\ud800"),
        (HARMLESS, HARMLESS),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    """Control, bidirectional and invisible characters are escaped; letters of every script, emoji and blanks stay."""
    assert escaped(text) == shown


@given(st.text(st.characters()))
def test_one_clean_line(text: str) -> None:
    """Whatever the text is, it becomes one line that no terminal obeys."""
    shown = escaped(text)
    assert _is_clean(shown)
    assert "\n" not in shown


@settings(max_examples=30)
@given(st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_says_what_it_said(value: object) -> None:
    r"""`--json` is clean too, and its \u escapes lose nothing."""
    shown = escaped_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert _is_clean(shown)
    assert json.loads(shown) == value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a stranger has written wherever one can: sender, text, type, and a report."""
    folder = tmp_path_factory.mktemp("escape")
    sender = f"A{ATTACK}"[:60]
    with (
        receiver.receiving(lambda _received: 204) as crm,
        process.served(folder, f'{MINIMAL}\n[targets.crm]\nurl = "{crm.url}"\n') as service,
    ):
        for text in (ATTACK, "STOP"):
            message = plivo_sdk.message(From=sender, Text=text, Type=f"sms{ATTACK}")
            assert wire.tell(service, message)[0] == 200
        report = plivo_sdk.report(To=sender, Status=f"sent{ATTACK}", ErrorCode=ATTACK, Odd=ATTACK)
        assert wire.tell(service, report, "/report")[0] == 200
        loud = plivo_sdk.message(From="33700000001", To=f"+{ATTACK}"[:60], Text=ATTACK)
        assert wire.tell(service, loud)[0] == 200
        crm.wait_for(lambda received: len(received) == 1)
    return folder


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (("history", "33700000001"), r"\x1b[2J"),
        (("optout", "list"), r"\x1b[2J"),
        (("deliveries", "list"), r"sent\x1b[2j"),
        (("limits", "list"), "REPLIES IN 24 H"),
        (("explain", "--to", "33644600000", "--from", "Shop 24", "--text", "hi"), "alphanumeric"),
        (("explain", "--to", "33644600000", "--from", "33700000001", "--text", ATTACK), "Thanks"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_commands_show_no_control(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    part: str,
    *,
    as_json: bool,
) -> None:
    """Every command that prints what was stored or received prints it escaped, for people and for machines."""
    done = Shell(folder, monkeypatch, capsys)(*command, *(["--json"] if as_json else []))
    assert _is_clean(done.out + done.err)
    assert as_json or part in done.out
    if as_json:
        json.loads(done.out)


@pytest.mark.parametrize("command", ["history", "forget"])
def test_refusals_show_no_control(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """What cannot be a number is repeated in a refusal, escaped."""
    done = Shell(folder, monkeypatch, capsys)(command, ATTACK)
    assert (done.code, done.out) == (2, "")
    assert _is_clean(done.err)
    assert r"\x1b[2J" in done.err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_send_shows_no_control(tmp_path: Path, options: tuple[str, ...]) -> None:
    """The reply that a rule made of a stranger's words is shown escaped."""
    config = MINIMAL.replace("Thanks, we got your message.", "You said: {text}")
    with process.served(tmp_path, config) as service:
        message = ("--to", "33644600000", "--from", "33700000001", "--text", f"<{ATTACK}>")
        done = process.run("send", "--url", service.url, *message, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert _is_clean(done.stdout + done.stderr)
    assert r"\u202egnp.exe" in done.stdout
