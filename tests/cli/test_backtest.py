"""`backtest`: what a file would have answered to the messages in its store."""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from support import inside
from support.command import Shell
from support.replayed import PLAIN, SHOP, answering, runtime_of
from support.stored import Clock, opened

US, ANN = SHOP, "33700000001"
NEW = PLAIN.replace("9-18", "9-20").replace(', "ack"]', "]")
EXPLAIN = "plivo-autoreply explain -c new.toml --to +33644600000 --from +33700000001"
TEXTS = ("HOURS", "hello", "it's\n\x1b[2Jyou", "bot: 200 Hi there.", "hours")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Five messages of one person, an hour apart, and a new file beside the one that answered them."""
    (tmp_path / "new.toml").write_text(inside.HEAD + NEW.replace("[rules.ack]\n", "[rules.unused]\n"))

    async def run() -> None:
        async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
            for text in TEXTS:
                await service.text(ANN, US, text)
                await service.wait(3600)

    asyncio.run(run())
    return Shell(tmp_path, monkeypatch, capsys)


def document(shell: Shell, *arguments: str) -> dict[str, Any]:
    """What `--json` prints."""
    done = shell("backtest", "-c", "new.toml", "--json", *arguments)
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_json_has_counts_and_differences(shell: Shell) -> None:
    """One document: counts, units before and after, each pair of rules, each difference with both answers."""
    found = document(shell)
    groups, differences = found.pop("groups"), found.pop("differences")
    assert found == {
        "since": "2026-03-02T09:00:00Z",
        "messages": 5,
        "same": 1,
        "changed": 2,
        "new": 0,
        "gone": 2,
        "skipped": 0,
        "pending": 0,
        "units": {"before": 5, "after": 3},
        "assumed": {},
    }
    assert groups == [
        {"kind": "changed", "old_rule": "menu", "new_rule": "menu", "messages": 2, "units": 0},
        {"kind": "gone", "old_rule": "ack", "new_rule": None, "messages": 2, "units": -2},
    ]
    assert [one["text"] for one in differences] == [TEXTS[0], TEXTS[1], TEXTS[2], TEXTS[4]]
    assert differences[1] == {
        "kind": "gone",
        "message_uuid": "message-2",
        "at": "2026-03-02T10:00:00Z",
        "from": f"+{ANN}",
        "to": f"+{US}",
        "type": "sms",
        "text": "hello",
        "old": {
            "route": "shop",
            "rule": "ack",
            "reason": "fixed text",
            "units": 1,
            "messages": [{"src": f"+{US}", "dst": [f"+{ANN}"], "text": "Got it.", "units": 1}],
        },
        "new": {"route": "shop", "rule": None, "reason": "every rule passed", "units": 0, "messages": []},
    }


def test_people_read_counts_pairs_and_examples(shell: Shell) -> None:
    """The counts first, then a table, then an example of each pair with a command that reproduces it."""
    done = shell("backtest", "-c", "new.toml", "--tz", "Europe/Paris")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[:2] == ["1 same  2 changed  0 new  2 gone", "Units 5 -> 3 (-2, -40.0 %)"]
    assert [re.split("  +", line) for line in lines[3:6]] == [
        ["OLD RULE", "NEW RULE", "MESSAGES", "UNITS"],
        ["menu", "menu", "2", "+0"],
        ["ack", "(silence)", "2", "-2", "gone"],
    ]
    assert lines[7:] == [
        'menu -> menu, 1 of 2: 2026-03-02T10:00:00+01:00 +33700000001 "HOURS"',
        "  - Open 9-18.",
        "  + Open 9-20.",
        f"  Reproduce: {EXPLAIN} --text HOURS --at 2026-03-02T10:00:00+01:00",
        "",
        'ack -> (silence), 1 of 2: 2026-03-02T11:00:00+01:00 +33700000001 "hello"',
        "  - Got it.",
        "  + (silence): every rule passed",
        f"  Reproduce: {EXPLAIN} --text hello --at 2026-03-02T11:00:00+01:00",
    ]


def test_what_reproduces_a_difference_is_safe_and_exact(shell: Shell) -> None:
    """A text with a quote, a line end and an escape reaches `explain` as it was, though the terminal sees no ESC."""
    out = shell("backtest", "-c", "new.toml", "--limit", "2").out
    assert "\x1b" not in out
    line = next(line for line in out.splitlines() if "Reproduce" in line and "you" in line)
    words = line.partition("plivo-autoreply ")[2]
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {words}"], capture_output=True, check=True)
    arguments = done.stdout.decode().split("\0")[:-1]
    assert arguments[arguments.index("--text") + 1] == TEXTS[2]
    explained = shell(*arguments)
    assert (explained.code, "answer silence: every rule passed" in explained.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        ((), 0, ""),
        (("--fail-on", "gone"), 1, "2 gone: exit 1"),
        (("--fail-on", "changed"), 1, "2 changed, 2 gone: exit 1"),
        (("--fail-on", "gone", "--since", "2026-03-02T12:30:00Z"), 0, ""),
    ],
)
def test_fail_on(shell: Shell, arguments: tuple[str, ...], code: int, last: str) -> None:
    """Exit with 1 if answers are gone, or if any is another one; the last line says why."""
    done = shell("backtest", "-c", "new.toml", *arguments)
    assert done.code == code
    assert not last or done.out.splitlines()[-1] == last
    done = shell("backtest", "-c", "new.toml", *arguments, "--json")
    assert (done.code, done.err) == (code, "")
    assert json.loads(done.out)["messages"]


def test_the_same_file_changes_nothing(shell: Shell) -> None:
    """One sentence says so."""
    done = shell("backtest", "--tz", "UTC", "--fail-on", "changed")
    first = "No differences: 5 messages since 2026-03-02T09:00:00+00:00, each with the same answer"
    assert (done.code, done.out.splitlines()[0]) == (0, first)


def test_since_and_limit(shell: Shell) -> None:
    """Only messages since then are compared; examples are limited for each pair, counts are not."""
    found = document(shell, "--since", "2026-03-02T10:30:00Z")
    assert (found["messages"], found["since"]) == (3, "2026-03-02T10:30:00Z")
    found = document(shell, "--limit", "1")
    assert ([one["text"] for one in found["differences"]], found["gone"]) == (["HOURS", "hello"], 2)
    assert document(shell, "--limit", "0")["differences"] == []
    assert document(shell, "--since", "1m")["messages"] == 0
    assert shell("backtest", "--since", "1m").out.startswith("No message since ")


def test_given(shell: Shell) -> None:
    """What a rule would say instead; a text may hold an equals sign."""
    found = document(shell, "--given", "bot=1 + 1 = 2")
    (changed,) = [one for one in found["differences"] if one["text"].startswith("bot")]
    assert [sent["text"] for sent in changed["new"]["messages"]] == ["1 + 1 = 2"]
    line = [line for line in shell("backtest", "--given", "bot=1 + 1 = 2").out.splitlines() if "Reproduce" in line][-1]
    assert line.endswith("--given bot '1 + 1 = 2'")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--given", "bot"), "'bot' names no rule and result; write bot=pass, bot=fail or 'bot=a text'"),
        (("--given", "menu=pass"), "given menu: no rule of this name calls out"),
        (("--since", "soon"), "'soon' is no time"),
        (("--fail-on", "new"), "'new' is not one of 'changed', 'gone'"),
        (("-c", "missing.toml"), "missing.toml"),
    ],
)
def test_mistakes(shell: Shell, arguments: tuple[str, ...], what: str) -> None:
    """Wrong usage: exit 2 and a sentence."""
    done = shell("backtest", *arguments)
    assert (done.code, done.out) == (2, "")
    assert what in done.err


def test_rules_that_would_be_asked_more_often(shell: Shell, tmp_path: Path) -> None:
    """A webhook under another name was never asked: the last line says what to do about it."""
    text = PLAIN.replace('"bot"', '"robot"').replace("rules.bot", "rules.robot")
    (tmp_path / "new.toml").write_text(inside.HEAD + text)
    last = shell("backtest", "-c", "new.toml").out.splitlines()[-1]
    said = "robot would be asked about 1 message that it was not asked about then; it passed: see --given robot=.."
    assert last == said


def test_what_is_skipped_is_said(shell: Shell, tmp_path: Path) -> None:
    """Messages without a kept text are counted apart."""

    async def run() -> None:
        async with opened(tmp_path / "autoreply.db", Clock()) as store, store.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE messages SET text = NULL WHERE id < 3")

    asyncio.run(run())
    assert shell("backtest").out.splitlines()[1] == "3 same  0 changed  0 new  0 gone  2 skipped (text not kept)"


def test_progress_is_for_a_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar on stderr; the document on stdout is the same."""
    plain = shell("backtest", "--json")
    assert plain.err == ""
    bars = []
    bar = click.progressbar

    def shown(**options: Any) -> Any:
        bars.append(bar(**options))
        return bars[-1]

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "progressbar", shown)
    assert shell("backtest", "--json").out == plain.out
    assert [(one.pos, one.length) for one in bars] == [(5, 5)]


def test_no_store_yet(shell: Shell, tmp_path: Path) -> None:
    """Without a store: exit 2 and one sentence."""
    (tmp_path / "elsewhere").mkdir()
    done = shell("backtest", AUTOREPLY_DATA=str(tmp_path / "elsewhere"))
    assert done.code == 2
    assert done.err.startswith("plivo-autoreply: there is no store at ")


def test_an_empty_store(shell: Shell, tmp_path: Path) -> None:
    """No message yet: a sentence, and a document without a time."""

    async def run() -> None:
        async with opened(tmp_path / "autoreply.db", Clock()) as store, store.engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM messages")

    asyncio.run(run())
    done = shell("backtest", "--fail-on", "changed")
    assert (done.code, done.out.splitlines()[0]) == (0, "No message can be replayed")
    assert document(shell)["since"] is None
