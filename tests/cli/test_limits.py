"""`limits`: what has been counted, and starting the count anew."""

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from support.command import Shell
from support.process import MINIMAL
from support.stored import Clock, opened, used

from app.policies.limits import Rate
from app.policies.usage import Conversation
from app.store.instances import ServerFacts, SpendingCap, StoredInstances

US, SHOP = "33644600000", "33644600001"
HOUR = 3600.0
CAPS = (SpendingCap("", 24 * HOUR, 50), SpendingCap("", HOUR, 9), SpendingCap("route shop", 24 * HOUR, 7))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Three answers to one person, two hours ago and now; one of the shop's; one of the day before yesterday."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    at = time.time()
    answers = [
        used(1, at=at - 2 * HOUR),
        used(2, at=at - 10),
        used(3, at=at - 5, units=1),
        used(4, at=at - 5, pair=Conversation(SHOP, "33700000002"), route="shop", cap=Rate(7, 24 * HOUR), units=3),
        used(5, at=at - 48 * HOUR, pair=Conversation(US, "33700000003")),
    ]

    async def run() -> None:
        async with opened(tmp_path / "autoreply.db", Clock(at)) as store:
            for answer in answers:
                await store.journal.record(answer)
            await StoredInstances(store.engine, store.change, "web-1", lambda: ServerFacts(caps=CAPS)).write({})

    asyncio.run(run())
    return Shell(tmp_path, monkeypatch, capsys)


def spending(shell: Shell) -> dict[tuple[str, str], int]:
    """What is spent of each cap."""
    found = json.loads(shell("limits", "list", "--json").out)
    return {(cap["scope"], cap["limit"]): cap["spent"] for cap in found["spending"]}


def test_list_shows_spending_and_people(shell: Shell) -> None:
    """Each cap with what is spent of it in its own window; who had the most answers in a day."""
    done = shell("limits", "list", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["spending"] == [
        {"scope": "", "limit": "9/1h", "spent": 6},
        {"scope": "", "limit": "50/1d", "spent": 8},
        {"scope": "route shop", "limit": "7/1d", "spent": 3},
    ]
    assert [(row["number"], row["person"], row["replies"]) for row in found["people"]] == [
        ("+33644600000", "+33700000001", 3),
        ("+33644600001", "+33700000002", 1),
    ]
    assert all(row["last"].endswith("Z") for row in found["people"])
    assert len(json.loads(shell("limits", "list", "--limit", "1", "--json").out)["people"]) == 1


def test_list_for_people(shell: Shell) -> None:
    """The same in two tables: which cap, how much of it; who, and when in which zone."""
    lines = [re.split("  +", line) for line in shell("limits", "list", "--tz", "Asia/Tokyo").out.splitlines()]
    assert lines[:5] == [
        ["SPENDING CAP", "UNITS", "SPENT"],
        ["all routes", "9/1h", "6"],
        ["all routes", "50/1d", "8"],
        ["route shop", "7/1d", "3"],
        [""],
    ]
    assert [line[:3] for line in lines[5:]] == [
        ["PERSON", "NUMBER", "REPLIES IN 24 H"],
        ["+33700000001", "+33644600000", "3"],
        ["+33700000002", "+33644600001", "1"],
    ]
    assert all(line[3].endswith("+09:00") for line in lines[6:])


def test_reset_of_a_person(shell: Shell) -> None:
    """Answers and cooldowns of one person, however the number is written; spending stays."""
    before = spending(shell)
    would = "this would forget 3 replies and 1 cooldown of +33700000001"
    assert shell("limits", "reset", "+33700000001", "--dry-run").out == f"{would}\n"
    done = shell("limits", "reset", "+33700000001")
    assert (done.code, done.out, done.err.startswith(f"plivo-autoreply: {would}; ")) == (2, "", True)
    done = shell("limits", "reset", "+33 7 00 00 00 01", "--yes")
    assert (done.code, done.out) == (0, "4 rows forgotten\n")  # three answers and a cooldown
    people = json.loads(shell("limits", "list", "--json").out)["people"]
    assert [row["person"] for row in people] == ["+33700000002"]
    assert spending(shell) == before
    assert shell("limits", "reset", "+33700000001").out == "0 rows forgotten\n"


def test_reset_of_the_spending_caps(shell: Shell) -> None:
    """All of them; people's counts stay."""
    before = spending(shell)
    assert shell("limits", "reset", "--total").code == 2
    assert shell("limits", "reset", "--total", "--dry-run").code == 0
    assert spending(shell) == before
    assert shell("limits", "reset", "--total", "--yes").code == 0
    assert set(spending(shell).values()) == {0}
    assert len(json.loads(shell("limits", "list", "--json").out)["people"]) == 2


@pytest.mark.parametrize("arguments", [(), ("+33700000001", "--total")])
def test_mistakes(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Neither or both: exit 2 and one sentence, and nothing is forgotten."""
    before = shell("limits", "list", "--json").out
    done = shell("limits", "reset", *arguments)
    assert (done.code, done.out, done.err) == (2, "", "plivo-autoreply: give a number, or --total\n")
    assert shell("limits", "list", "--json").out == before


def test_no_server_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that was never served has no caps: said so."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    shell = Shell(tmp_path, monkeypatch, capsys)
    assert shell("migrate").code == 0
    done = shell("limits", "list")
    assert (done.code, done.out, done.err) == (0, "", "no server has reported a spending cap yet\n")
    assert json.loads(shell("limits", "list", "--json").out) == {"spending": [], "people": []}


def test_no_store_yet(shell: Shell, tmp_path: Path) -> None:
    """Without a store: exit 2 and one sentence."""
    (tmp_path / "elsewhere").mkdir()
    for arguments in (("list",), ("reset", "--total")):
        done = shell("limits", *arguments, AUTOREPLY_DATA=str(tmp_path / "elsewhere"))
        assert done.code == 2
        assert done.err.startswith("plivo-autoreply: there is no store at ")


def test_broken_store_is_told_in_a_sentence(shell: Shell, tmp_path: Path) -> None:
    """A store that cannot be read: exit 1, no traceback."""

    async def run() -> None:
        async with opened(tmp_path / "autoreply.db", Clock()) as store, store.engine.begin() as connection:
            await connection.exec_driver_sql("DROP TABLE spending")

    asyncio.run(run())
    done = shell("limits", "list")
    assert (done.code, done.err) == (
        1,
        "plivo-autoreply: the store cannot be read: the database refused the statement (SQLITE_ERROR)\n",
    )
