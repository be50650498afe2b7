"""`forget`: every row of a number goes, the opt-out stays unless it is asked for too."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.command import Shell
from support.process import MINIMAL
from support.stored import Clock, incoming, opened, opted, used

from app.policies.usage import Conversation


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
    done = shell("forget", number)
    assert (done.code, done.out, done.err) == (0, "4 rows erased\n", "")
    lines = [line for line in dump(tmp_path).splitlines() if "33700000001" in line]
    assert len(lines) == 1
    assert lines[0].startswith('INSERT INTO "opt_outs"') or lines[0].startswith("INSERT INTO opt_outs")
    assert dump(tmp_path).count("33700000002") == others
    assert shell("forget", number).out == "0 rows erased\n"


def test_also_the_opt_out(shell: Shell, tmp_path: Path) -> None:
    """Asked for, the opt-out goes too: nothing in the file names the number, the trace neither."""
    done = shell("forget", "+33700000001", "--also-opt-out")
    assert (done.code, done.out) == (0, "5 rows erased\n")
    assert "33700000001" not in dump(tmp_path)
    assert [row["person"] for row in json.loads(shell("optout", "list", "--json").out)] == ["+33700000002"]


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
