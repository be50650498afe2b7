"""`optout`: who gets no messages, and how we know; a bad file changes nothing."""

import asyncio
import csv
import io
import json
import os
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import plivo_sdk, process, wire
from support.command import Shell
from support.process import MINIMAL
from support.stored import Clock, opened, opted

from app.policies.usage import Conversation, OptOutChange
from app.store import people

US = "33644600000"


def fill(folder: Path, *changes: OptOutChange) -> None:
    """A config, and a store where these things have happened."""
    (folder / "config.toml").write_text(MINIMAL)

    async def run() -> None:
        async with opened(folder / "autoreply.db", Clock()) as store:
            await store.change(people.change, people.Changes("anna", changes))

    asyncio.run(run())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Where one person has opted out by a message."""
    fill(tmp_path, opted(out=True, word="ARRET"))
    return Shell(tmp_path, monkeypatch, capsys)


def listed(shell: Shell, *arguments: str) -> list[dict[str, Any]]:
    """`optout list --json`."""
    done = shell("optout", "list", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    return list(json.loads(done.out))


PROOF = {
    "number": "+33644600000",
    "person": "+33700000001",
    "at": "2026-03-02T09:00:00Z",
    "word": "ARRET",
    "message_uuid": "message-1",
    "signed_by": "V3",
    "source": "message",
    "ended_at": None,
    "ended_by": None,
}


def test_list_shows_the_proof(shell: Shell) -> None:
    """Who, from which number, when, by which message and word, signed how; for people and for machines."""
    assert listed(shell) == [PROOF]
    done = shell("optout", "list", "--tz", "Europe/Paris")
    assert [line.split() for line in done.out.splitlines()] == [
        ["PERSON", "NUMBER", "SINCE", "WORD", "BY", "MESSAGE", "SIGNED"],
        ["+33700000001", "+33644600000", "2026-03-02T10:00:00+01:00", "ARRET", "message", "message-1", "V3"],
    ]
    assert (done.code, done.err) == (0, "1 opt-out\n")


@pytest.mark.parametrize(
    ("who", "count"),
    [("+33700000001", 1), ("33700000001", 1), ("+33 7 00 00 00 01", 1), (f"+{US}", 1), ("+33700000002", 0)],
)
def test_list_of_one(shell: Shell, who: str, count: int) -> None:
    """A person's, or those of one of our numbers, however it is written."""
    assert len(listed(shell, who)) == count


def test_list_of_nobody(shell: Shell) -> None:
    """What is no number and not in the store is refused: an empty list would look like an answer."""
    done = shell("optout", "list", "+33")
    assert (done.code, done.out, done.err.startswith("plivo-autoreply: '+33': ")) == (2, "", True)


def test_remove_and_add(shell: Shell) -> None:
    """Both tell what holds afterwards, and whether that is new; `--all` shows what has ended."""
    pair = ("--to", "+33 6 44 60 00 00", "--from", "33700000001")
    steps = (
        ("add", "+33700000001 gets nothing from +33644600000, as before\n"),
        ("remove", "+33700000001 gets messages from +33644600000\n"),
        ("remove", "+33700000001 gets messages from +33644600000, as before\n"),
    )
    for verb, said in steps:
        done = shell("optout", verb, *pair, *(("--yes",) if verb == "remove" else ()))
        assert (done.code, done.out) == (0, said)
    assert listed(shell) == []
    (row,) = listed(shell, "--all")
    assert row["ended_at"].endswith("Z")
    assert row | {"ended_at": None, "ended_by": None} == PROOF
    assert shell("optout", "add", *pair).out == "+33700000001 gets nothing from +33644600000\n"
    (row,) = listed(shell)
    assert (row["source"], row["message_uuid"], row["signed_by"], row["ended_at"]) == ("command", None, "", None)


def test_remove_asks_first(shell: Shell) -> None:
    """It says whose opt-out would end; where nobody can be asked it goes on: exit 2. What is not there is not asked."""
    pair = ("--to", f"+{US}", "--from", "+33700000001")
    would = "this would end the opt-out of +33700000001 from +33644600000"
    done = shell("optout", "remove", *pair)
    assert (done.code, done.out, done.err.startswith(f"plivo-autoreply: {would}; ")) == (2, "", True)
    assert shell("optout", "remove", *pair, "--dry-run").out == f"{would}\n"
    assert listed(shell) == [PROOF]
    other = ("--to", f"+{US}", "--from", "+33700000002")
    nothing = f"this would change nothing: +33700000002 has not opted out of +{US}\n"
    assert shell("optout", "remove", *other, "--dry-run").out == nothing
    done = shell("optout", "remove", *other)
    assert (done.code, done.out) == (0, "+33700000002 gets messages from +33644600000, as before\n")


def test_remove_tells_what_else_is_in_force(shell: Shell) -> None:
    """By `[opt_out] scope` an opt-out of another number may still keep the person from getting messages."""
    shell("optout", "add", "--to", "+33644600001", "--from", "+33700000001")
    done = shell("optout", "remove", "--to", f"+{US}", "--from", "+33700000001", "--yes")
    assert done.out == f"+33700000001 gets messages from +{US}\n"
    assert "+33700000001 has opted out of +33644600001, too" in done.err


def test_dry_import(shell: Shell, tmp_path: Path) -> None:
    """`import --dry-run` reads the list and says what is new; it adds nothing and makes no store."""
    (tmp_path / "theirs.csv").write_text(f"number,person\n{US},+33700000001\n{US},+33700000002\n{US},+33700000002\n")
    done = shell("optout", "import", "theirs.csv", "--dry-run")
    assert (done.code, done.out) == (0, "this would add 1 opt-out; 2 are there already\n")
    (tmp_path / "elsewhere").mkdir()
    done = shell("optout", "import", "theirs.csv", "--dry-run", AUTOREPLY_DATA=str(tmp_path / "elsewhere"))
    assert (done.code, done.out) == (0, "this would add 2 opt-outs; 1 are there already\n")
    assert listed(shell) == [PROOF]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_csv_round_trip(
    shell: Shell, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `export` writes, `import` reads into another store, every proof with it; a second time adds nothing."""
    fill(
        tmp_path,
        opted(out=True, pair=Conversation(US, "33700000002"), word='no, "never"\nagain', at=1_772_442_001.0),
        opted(out=True, pair=Conversation("38383", "33700000003"), signed_by="Ma-V2", at=1_772_442_002.0),
        opted(out=True, pair=Conversation(US, "51789"), word="СТОП", at=1_772_442_003.0),
        opted(out=True, pair=Conversation(US, "SHOP-24"), at=1_772_442_004.0),  # no way back, but it said STOP
    )
    done = shell("optout", "export", "-o", "all.csv")
    assert (done.code, done.out, done.err) == (0, "", "")
    exported = (tmp_path / "all.csv").read_text("utf-8")
    assert shell("optout", "export").out == exported
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["person"] for row in rows] == ["+33700000001", "+33700000002", "+33700000003", "51789", "SHOP-24"]
    empty = tmp_path_factory.mktemp("empty")
    fill(empty)
    there = Shell(empty, shell.monkeypatch, capsys)
    done = there("optout", "import", str(tmp_path / "all.csv"))
    assert (done.code, done.out, done.err) == (0, "5 opt-outs added, 0 were there already\n", "")
    assert listed(there) == listed(shell)
    assert there("optout", "export").out == exported
    assert there("optout", "import", str(tmp_path / "all.csv")).out == "0 opt-outs added, 5 were there already\n"


GOOD = "+33644600000,+33700000002,"


def test_import_warns_of_doubtful_numbers(shell: Shell, tmp_path: Path) -> None:
    """What libphonenumber does not know is imported all the same, and told."""
    (tmp_path / "theirs.csv").write_text("number,person\n+33644600000,5215512345678\n+33644600000,MTN\n")
    done = shell("optout", "import", "theirs.csv")
    assert (done.code, done.out) == (0, "2 opt-outs added, 0 were there already\n")
    assert done.err == "5215512345678: libphonenumber doubts this number: it is too long; used as written\n"


def test_bad_import_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Before the first start a list with a fault leaves nothing behind; a good one makes the store."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    there = Shell(tmp_path, monkeypatch, capsys)
    for content, code in (("number,person\n1,2\n", 2), (f"number,person\n{GOOD}\n", 0)):
        (tmp_path / "theirs.csv").write_text(content)
        assert there("optout", "import", "theirs.csv").code == code
        assert (tmp_path / "autoreply.db").exists() is (code == 0)


def test_server_answers_while_a_long_list_is_imported(tmp_path: Path) -> None:
    """G4: an import writes in steps, and a server beside it between them: no message waits for the whole list."""
    people = [f"+337{number:08d}" for number in range(30_000)]
    (tmp_path / "all.csv").write_text("number,person\n" + "".join(f"+{US},{person}\n" for person in people))
    command, environment = [*process.COMMAND, "optout", "import", "all.csv"], process.environment(tmp_path)
    answered_at = set[int]()  # how much of the list was in the store
    with (
        process.served(tmp_path) as service,
        closing(sqlite3.connect(tmp_path / "autoreply.db")) as store,
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as importing,
    ):

        def added() -> int:
            (count,) = store.execute("SELECT count(*) FROM opt_outs").fetchone()
            return int(count)

        while importing.poll() is None:
            assert wire.tell(service, plivo_sdk.message(From="33600000001"))[0] == 200
            answered_at.add(before := added())
            while importing.poll() is None and added() == before:
                time.sleep(0.01)  # polling a process, not waiting for luck
        assert importing.stdout
        assert importing.stdout.read() == "30000 opt-outs added, 0 were there already\n"
        assert wire.answered(service, plivo_sdk.message(From=people[-1], Text="hello")) is None
    assert answered_at - {0, len(people)}


@pytest.mark.parametrize("before", [None, 0o644])
def test_export_is_private(shell: Shell, tmp_path: Path, before: int | None) -> None:
    """Its file is for its owner only, also one that was there and readable by all."""
    file = tmp_path / "all.csv"
    if before is not None:
        file.write_text("old")
        file.chmod(before)
    assert shell("optout", "export", "-o", "all.csv").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("number,person,")


def test_export_to_nowhere(shell: Shell) -> None:
    """A folder that is not there: one sentence, exit 2."""
    done = shell("optout", "export", "-o", "no/such/folder.csv")
    assert (done.code, done.err) == (
        2,
        "plivo-autoreply: no/such/folder.csv cannot be written: No such file or directory\n",
    )


def test_export_to_a_terminal(tmp_path: Path) -> None:
    """On a terminal the list is escaped; in a pipe it is what `import` takes."""
    fill(tmp_path, opted(out=True, pair=Conversation(US, "\x1b[2JMTN")))
    reading, terminal = os.openpty()
    command = [*process.COMMAND, "optout", "export"]
    with os.fdopen(reading, "rb", buffering=0) as screen:
        subprocess.run(
            command, cwd=tmp_path, env=process.environment(tmp_path), stdout=terminal, check=True, timeout=60
        )
        os.close(terminal)
        shown = screen.read(10_000)
    assert rb"\x1b[2JMTN" in shown
    assert b"\x1b" not in shown
    assert "\x1b[2JMTN" in process.run("optout", "export", cwd=tmp_path).stdout


def test_bad_file_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    """G11: every fault is told with its line, escaped, exit 2, and not even the good lines are imported."""
    (tmp_path / "optouts.csv").write_text(f"number,person\n{GOOD}\n+33644600000,\u202e\x1b[2J\n+33644600000\n")
    done = shell("optout", "import", "optouts.csv")
    assert (done.code, done.out) == (2, "")
    first, *faults = done.err.splitlines()
    assert first == "plivo-autoreply: nothing was imported"
    assert [fault.split(": ")[:2] for fault in faults] == [["line 3", r"'\u202e\x1b[2J'"], ["line 4", "''"]]
    assert listed(shell) == [PROOF]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add",),
        ("add", "--to", "1"),
        ("remove", "--from", "1"),
        ("import", "no-such-file.csv"),
        ("list", "--nonsense"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Wrong usage: exit 2, and how to use it."""
    done = shell("optout", *arguments)
    assert done.code == 2
    assert done.err.startswith(f"Usage: plivo-autoreply optout {arguments[0]} ")


@pytest.mark.parametrize("verb", ["list", "export"])
def test_no_store_yet(shell: Shell, tmp_path: Path, verb: str) -> None:
    """Without a store there is nothing to show: exit 2 and one sentence; none is made."""
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    done = shell("optout", verb, AUTOREPLY_DATA=str(empty))
    assert done.code == 2
    assert done.err.startswith(f"plivo-autoreply: there is no store at {empty / 'autoreply.db'} yet")
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("arguments", [("add", "--to", f"+{US}", "--from", "+33700000002"), ("import", "one.csv")])
def test_before_the_first_start(shell: Shell, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """G9 holds from the first message on: opt-outs from elsewhere go in before `serve` has made the store, which
    is announced, for it may be the wrong one.
    """
    (tmp_path / "one.csv").write_text(f"number,person,at\n{GOOD}\n")
    (empty := tmp_path / "elsewhere").mkdir()
    done = shell("optout", *arguments, AUTOREPLY_DATA=str(empty))
    assert (done.code, f"new store: {empty / 'autoreply.db'}" in done.err) == (0, True)
    done = shell("optout", "list", "--json", AUTOREPLY_DATA=str(empty))
    assert [row["person"] for row in json.loads(done.out)] == ["+33700000002"]
