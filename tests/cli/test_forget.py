"""`forget`: every row of a number goes, the opt-out stays unless it is asked for too."""

import asyncio
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support import plivo_sdk, process, receiver, wire
from support.command import Shell
from support.process import MINIMAL
from support.stored import Clock, incoming, opened, opted, used

from app.policies.usage import Conversation

FORWARDING = f"""{MINIMAL}
[targets.crm]
url = "%s"
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Two people who wrote, got answers, reports and opted out."""
    (tmp_path / "config.toml").write_text(MINIMAL)

    async def run() -> None:
        async with opened(tmp_path / "autoreply.db", Clock()) as store:
            for number, person in enumerate(("33700000001", "33700000002"), 1):
                pair = Conversation("33644600000", person)
                await store.journal.record(used(number, pair=pair, change=opted(out=True, pair=pair)))
                await store.queue.accept(incoming(number, to=person, parameters=(("To", person),)))

    asyncio.run(run())
    return Shell(tmp_path, monkeypatch, capsys)


def dump(folder: Path) -> str:
    """The whole store as SQL."""
    with closing(sqlite3.connect(folder / "autoreply.db")) as store:
        return "\n".join(store.iterdump())


@pytest.mark.parametrize("number", ["+33700000001", "33700000001", "+33 7 00 00 00 01"])
def test_forget(shell: Shell, tmp_path: Path, number: str) -> None:
    """A number in any form: its rows are gone but for the opt-out; the other person's stay."""
    others = dump(tmp_path).count("33700000002")
    done = shell("forget", number, "--yes")
    assert (done.code, done.out, done.err) == (0, "4 rows erased\n", "")
    lines = [line for line in dump(tmp_path).splitlines() if "33700000001" in line]
    assert len(lines) == 1
    assert lines[0].startswith('INSERT INTO "opt_outs"') or lines[0].startswith("INSERT INTO opt_outs")
    assert dump(tmp_path).count("33700000002") == others
    assert shell("forget", number, "--yes").out == "0 rows erased\n"


def test_it_asks_first(shell: Shell, tmp_path: Path) -> None:
    """It says what would go; where nobody can be asked nothing does: exit 2. `--dry-run` only says it. A person of whom
    nothing is stored is nothing to ask about.
    """
    before = dump(tmp_path)
    would = "this would erase 1 message, 1 report, 1 delivery, 1 cooldown"
    for arguments, tail in (((), "but no opt-out"), (("--also-opt-out",), "and 1 opt-out change")):
        sentence = f"{would} {tail} of +33700000001"
        done = shell("forget", "+33700000001", *arguments)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"plivo-autoreply: {sentence}; nobody can be asked here, so say --yes, or --dry-run\n"
        done = shell("forget", "+33700000001", *arguments, "--dry-run")
        assert (done.code, done.out, done.err) == (0, f"{sentence}\n", "")
    assert dump(tmp_path) == before
    assert shell("forget", "+33700000009").out == "0 rows erased\n"


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 1), (b"\n", 1)])
def test_the_question_on_a_terminal(shell: Shell, tmp_path: Path, answer: bytes, code: int) -> None:
    """Only a "y" goes on."""
    before = dump(shell.folder)
    keyboard, terminal = os.openpty()
    with os.fdopen(keyboard, "wb", buffering=0) as typing:
        typing.write(answer)
        done = subprocess.run(
            [*process.COMMAND, "forget", "+33700000001"],
            cwd=tmp_path,
            env=process.environment(tmp_path),
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(terminal)
    assert done.returncode == code, done.stderr
    assert "This would erase 1 message" in done.stderr
    assert "Go on? [y/N]" in done.stderr
    assert (done.stdout, "nothing was changed" in done.stderr) == (
        ("4 rows erased\n", False) if code == 0 else ("", True)
    )
    assert (dump(tmp_path) == before) is (code != 0)


def test_also_the_opt_out(shell: Shell, tmp_path: Path) -> None:
    """Asked for, the opt-out goes too: nothing in the file names the number, the trace neither."""
    done = shell("forget", "+33700000001", "--also-opt-out", "--yes")
    assert (done.code, done.out) == (0, "5 rows erased\n")
    assert "33700000001" not in dump(tmp_path)
    assert [row["person"] for row in json.loads(shell("optout", "list", "--json").out)] == ["+33700000002"]


def files(folder: Path) -> bytes:
    """All that lies in the store's files, the write-ahead log included."""
    return b"".join(file.read_bytes() for file in folder.glob("autoreply.db*"))


def test_nothing_is_left_in_the_files(shell: Shell, tmp_path: Path) -> None:
    """G12: deleted rows are overwritten, not only unlinked."""
    assert b"33700000001" in files(tmp_path)
    assert shell("forget", "+33700000001", "--also-opt-out", "--yes").code == 0
    assert b"33700000001" not in files(tmp_path)
    assert b"33700000002" in files(tmp_path)


def test_nothing_is_left_beside_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """G12: nor in the write-ahead log that a running server fills; the server goes on. Rows of that person were
    written, changed and settled between those of others.
    """
    with receiver.receiving(lambda _received: 204) as target, process.served(tmp_path, FORWARDING % target.url) as on:
        for number in range(40):
            who = f"3370000000{number % 4}"
            message = plivo_sdk.message(From=who, Text=f"I am +{who}")
            assert wire.tell(on, message)[0] == 200
            assert wire.tell(on, plivo_sdk.report(To=who), f"/report/{dict(message)['MessageUUID']}")[0] == 200
        target.wait_for(lambda received: len(received) == 40)
        assert b"33700000001" in files(tmp_path)
        done = Shell(tmp_path, monkeypatch, capsys)("forget", "+33700000001", "--yes")
        assert (done.code, done.err) == (0, "")
        assert b"33700000001" not in files(tmp_path)
        assert wire.tell(on, plivo_sdk.message(From="33700000002"))[0] == 200
        assert b"33700000002" in files(tmp_path)


def test_files_that_cannot_be_emptied_are_told(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who reads the store for long holds its write-ahead log: exit 1, and what to do."""
    monkeypatch.setattr("app.store.sqlite.PRAGMAS", ("journal_mode=WAL", "secure_delete=ON", "busy_timeout=100"))
    with closing(sqlite3.connect(tmp_path / "autoreply.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        done = shell("forget", "+33700000001", "--yes")
        assert (done.code, "the rows are deleted, but" in done.err, "try again" in done.err) == (1, True, True)
        reader.execute("ROLLBACK")
    assert shell("forget", "+33700000001", "--also-opt-out", "--yes").code == 0
    assert b"33700000001" not in files(tmp_path)


def test_wrong_usage(shell: Shell, tmp_path: Path) -> None:
    """No number, or no store: exit 2, and nothing is erased."""
    before = dump(tmp_path)
    assert shell("forget").err.startswith("Usage: plivo-autoreply forget ")
    assert shell("forget").code == shell("forget", " ").code == 2
    (tmp_path / "elsewhere").mkdir()
    done = shell("forget", "+33700000001", AUTOREPLY_DATA=str(tmp_path / "elsewhere"))
    assert done.code == 2
    assert done.err.startswith("plivo-autoreply: there is no store at ")
    assert dump(tmp_path) == before


def test_our_own_number_is_nobodys(shell: Shell, tmp_path: Path) -> None:
    """Forgetting one of our numbers would erase every customer's messages: it is refused, under "*" too."""
    before = dump(tmp_path)
    done = shell("forget", "+33644600000")
    assert (done.code, "your own numbers" in done.err) == (2, True)
    assert dump(tmp_path) == before
