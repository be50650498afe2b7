"""Numbers from the wire to the operator: what arrives is matched, shown, and taken by every command."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import plivo_sdk, process, wire
from support.command import Shell
from support.process import MINIMAL, Served

CONFIG = MINIMAL.replace('to = "*"', 'to = "*"\nrules = ["island", "code", "mexico", "name", "ack"]').replace(
    'text = "Thanks, we got your message."',
    """
[rules.island]
from = ["+682*", "+683*", "+677*", "+290*", "+500*"]
text = "island {from}"
[rules.code]
from = "short-code"
silence = true
[rules.mexico]
from = "+52 1 55 1234 5678"
text = "mexico {from}"
[rules.name]
from = "MTN"
silence = true
[rules.ack]
text = "ack {from}"
""",
)
MEXICO = "5215512345678"
UNUSABLE = ("12345678901234567890", "A name of many words")  # unless they stand in the store
ODD = (MEXICO, "MTN", "38010", "68271234", "4402079460000", *UNUSABLE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for all of these."""
    with process.served(tmp_path_factory.mktemp("numbers"), CONFIG) as service:
        yield service


@pytest.fixture
def shell(running: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Commands beside it."""
    return Shell(running.folder, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("sender", "answer", "shown"),
    [
        ("68271234", "island +68271234", "+68271234"),
        ("67774512", "island +67774512", "+67774512"),
        ("6834123", "island +6834123", "+6834123"),
        ("29051234", "island +29051234", "+29051234"),
        ("50051234", "island +50051234", "+50051234"),
        ("38010", None, "38010"),
        ("1234567", None, "1234567"),
        ("12345678", None, "12345678"),
        (MEXICO, f"mexico +{MEXICO}", f"+{MEXICO}"),
        ("MTN", None, "MTN"),
        ("33700000001", "ack +33700000001", "+33700000001"),
    ],
)
def test_sender_is_matched_and_shown(
    running: Served, shell: Shell, sender: str, answer: str | None, shown: str
) -> None:
    """A full number of eight digits is one; a short code and a name are not; what libphonenumber doubts is matched."""
    assert wire.answered(running, plivo_sdk.message(From=sender)) == answer
    for written in (sender, f"+{sender}") if sender.isdigit() else (sender,):
        (message,) = json.loads(shell("history", written, "--json").out)
        assert message["from"] == shown


def test_what_export_wrote_import_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """STOP from any address: `import` takes the list that `export` wrote, in a store that knows nothing of them."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    with process.served(here) as service:
        for sender in ODD:
            assert wire.tell(service, plivo_sdk.message(From=sender, Text="STOP"))[0] == 200
    (there / "config.toml").write_text(MINIMAL)
    old, new = Shell(here, monkeypatch, capsys), Shell(there, monkeypatch, capsys)
    assert old("optout", "export", "-o", "list.csv").code == 0
    done = new("optout", "import", str(here / "list.csv"))
    assert (done.code, done.out) == (0, f"{len(ODD)} opt-outs added, 0 were there already\n"), done.err
    assert new("optout", "list", "--json").out == old("optout", "list", "--json").out
    assert new("optout", "export").out == old("optout", "export").out


@pytest.mark.parametrize("sender", ODD)
def test_every_command_takes_what_stands_in_the_store(running: Served, shell: Shell, sender: str) -> None:
    """history, optout, limits and forget find the address as it is shown, without a warning."""
    fresh = sender.replace("1", "2") if sender != "MTN" else "MTX"  # not the senders of other tests
    uuid = f"every-command-{ODD.index(sender)}"
    assert wire.tell(running, plivo_sdk.message(From=fresh, MessageUUID=uuid, Text="STOP"))[0] == 200
    shown = json.loads(shell("history", uuid, "--json").out)[0]["from"]
    pair = ("--to", "+33644600000", "--from", shown)
    for verb, ending in (("remove", "gets messages from"), ("add", "gets nothing from")):
        done = shell("optout", verb, *pair, *(("--yes",) if verb == "remove" else ()))
        assert (done.code, done.out, done.err) == (0, f"{shown} {ending} +33644600000\n", "")
    assert len(json.loads(shell("optout", "list", shown, "--json").out)) == 1
    changes = (("limits", "reset", shown, "--yes"), ("forget", shown, "--also-opt-out", "--yes"))
    for arguments in (("history", shown), *changes):
        done = shell(*arguments)
        assert (done.code, done.err) == (0, ""), arguments
    for question in (("history", shown), ("optout", "list", shown)):
        done = shell(*question, "--json")
        if sender in UNUSABLE:  # nothing stands in the store any more, and no number looks so
            assert (done.code, done.out) == (2, "")
        else:
            assert json.loads(done.out) == []


@pytest.mark.parametrize("written", [MEXICO, f"+{MEXICO}", "+52 1 55 1234-5678", "0052 1 (55) 1234 5678"])
def test_any_number_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    """7 to 15 digits are taken although the store does not know them; libphonenumber's doubt is told."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    shell = Shell(tmp_path, monkeypatch, capsys)
    doubt = f"{written}: libphonenumber doubts this number: it is too long; used as written\n"
    done = shell("optout", "add", "--to", "+33644600000", "--from", written)
    assert (done.code, done.out) == (0, f"+{MEXICO} gets nothing from +33644600000\n")
    assert done.err.startswith(doubt)  # and a store was made, which is announced
    for arguments in (("forget", "--also-opt-out", written), ("limits", "reset", written), ("forget", written)):
        done = shell(*arguments, "--yes")
        assert (done.code, done.err) == (0, "" if "--also-opt-out" in arguments else doubt), arguments


def test_number_of_the_store_wins_over_its_tidy_form(running: Served, shell: Shell) -> None:
    """A superfluous 0 behind the country code, as it came: it is the address that is meant, not the tidy one."""
    assert wire.tell(running, plivo_sdk.message(From="4402079461111"))[0] == 200
    assert wire.tell(running, plivo_sdk.message(From="442079461111"))[0] == 200
    assert shell("forget", "+4402079461111", "--yes").out == "1 row erased\n"
    assert len(json.loads(shell("history", "+442079461111", "--json").out)) == 1


@pytest.mark.parametrize("command", [("forget",), ("limits", "reset"), ("optout", "add", "--to", "1", "--from")])
@pytest.mark.parametrize("who", ["0612345678", "+33", "+123456", "no number at all", "3364460000O", "", " "])
def test_slip_of_the_pen_is_refused(running: Served, shell: Shell, command: tuple[str, ...], who: str) -> None:
    """What is no number, no name and not in the store: exit 2, since a change for nobody would look like one."""
    assert running.process.poll() is None
    done = shell(*command, who)
    assert (done.code, done.out) == (2, "")


def test_files_as_windows_writes_them(tmp_path: Path) -> None:
    """A byte order mark and CRLF in config, token and numbers: `check` is content, and signed calls are answered."""
    (tmp_path / "token.txt").write_bytes(b"\xef\xbb\xbf" + plivo_sdk.TOKEN.encode() + b"\r\n")
    (tmp_path / "numbers.txt").write_bytes("\ufeff+33644600000\r\n+33644600001  # Roma\r\n".encode())
    config = MINIMAL.replace('{ env = "PLIVO_AUTH_TOKEN" }', '{ file = "token.txt" }')
    config = config.replace('to = "*"', 'name = "shop"\nto = { file = "numbers.txt" }').replace("\n", "\r\n")
    with process.served(tmp_path, f"\ufeff{config}") as service:
        assert process.run("check", cwd=tmp_path).returncode == 0
        for number in ("33644600000", "33644600001"):
            assert wire.answered(service, wire.message(To=number)) == "Thanks, we got your message."
