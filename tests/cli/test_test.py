"""`test`: the [[tests]] of the file, through the engine that answers Plivo. Nobody is called, nothing is written."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import modules, process
from support.command import Shell

CONFIG = (
    process.HEAD
    + """
[schedules.office]
timezone = "Europe/Paris"
hours = "Mo-Fr 09:00-18:00"
[[routes]]
name = "support"
to = ["+33644600000", "+33644600001"]
rules = ["menu", "bot", "weather", "closed", "ack"]
[rules.menu.keywords]
HOURS = { text = "Open 9-18.", cooldown = "12h" }
[rules.bot]
match = "^bot"
webhook = "http://127.0.0.1:1/nobody-listens-here"
[rules.weather]
match = "^weather"
python = "weather:reply"
[rules.closed]
closed = "office"
text = "Back {office.next_open:%A %H:%M}."
[rules.ack]
text = "Got it."
"""
)
MODULE = """
async def reply(message, context):
    open("called", "w").close()
    return "Sunny."
"""
OPEN, SHUT = "2026-03-02T10:00:00+01:00", "2026-03-02T20:00:00+01:00"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Shell]:
    """A folder with a module beside the file."""
    (tmp_path / "weather.py").write_text(MODULE)
    with modules.forgotten():
        yield Shell(tmp_path, monkeypatch, capsys)


def _test(expect: str, text: str = "hello", name: str = "a", at: str = OPEN, more: str = "") -> str:
    return (
        f'[[tests]]\nname = "{name}"\nto = "+33644600000"\nfrom = "+33700000001"\ntext = "{text}"\nat = {at}\n'
        f"{more}\nexpect = {{ {expect} }}\n"
    )


def _write(shell: Shell, *tests: str) -> None:
    (shell.folder / "config.toml").write_text(CONFIG + "".join(tests))


@pytest.mark.parametrize(
    ("text", "at", "expect"),
    [
        (
            "Hours?",
            OPEN,
            'rule = "menu", text = "Open 9-18.", text_has = "9-18", silent = false, units = 1, route = "support"',
        ),
        ("hello", OPEN, 'rule = "ack", text = "Got it."'),
        ("hello", SHUT, 'rule = "closed", text = "Back Tuesday 09:00."'),
        ("hello", "2026-03-06T20:00:00Z", 'text = "Back Monday 09:00."'),
        ("bot: hi", OPEN, 'rule = "ack"'),  # passes by default
        ("STOP", OPEN, 'rule = "opt_out", text_has = "no more messages"'),
        ("HELP", OPEN, 'rule = "opt_out"'),
    ],
)
def test_expectation_that_is_met_passes(shell: Shell, text: str, at: str, expect: str) -> None:
    """Rule, text, part of a text, silence, units and route; by the clock of the test, not of the wall."""
    _write(shell, _test(expect, text, at=at))
    done = shell("test")
    assert (done.code, done.out, done.err) == (0, "ok      a\n1 passed, 0 failed\n", "")


def test_every_difference_is_told_and_the_other_tests_run(shell: Shell) -> None:
    """One run tells everything; one failure is enough for exit code 1."""
    _write(
        shell,
        _test('rule = "menu", text = "x", units = 9', name="wrong"),
        _test('rule = "menu"', "hours", name="right"),
    )
    done = shell("test")
    lines = done.out.splitlines()
    assert done.code == 1
    assert [line.split()[0] for line in lines] == ["FAILED", "expected", "expected", "expected", "ok", "1"]
    assert lines[-1] == "1 passed, 1 failed"


@pytest.mark.parametrize(
    ("text", "given", "expect"),
    [
        ("bot", 'bot = "pass"', 'rule = "ack"'),
        ("bot", 'bot = "Hi from the bot."', 'rule = "bot", text = "Hi from the bot."'),
        ("bot", 'bot = "fail"', 'rule = "ack"'),
        ("weather", 'weather = "Rain."', 'rule = "weather", text = "Rain."'),
        ("hello", 'bot = "Hi from the bot."', 'rule = "ack"'),  # its condition is not met
    ],
)
def test_given_says_what_is_answered_elsewhere(shell: Shell, text: str, given: str, expect: str) -> None:
    """What a webhook or a function would say stands in the test; conditions hold as ever."""
    _write(shell, _test(expect, text, more=f"given = {{ {given} }}"))
    assert shell("test").code == 0


def test_nobody_is_called(shell: Shell) -> None:
    """A webhook that nobody listens at and a function are never asked, given or not; nothing is written."""
    _write(shell, _test('rule = "ack"', "bot"), _test('rule = "ack"', "weather"))
    before = {file.name for file in shell.folder.iterdir() if file.is_file()}
    assert shell("test").code == 0
    assert {file.name for file in shell.folder.iterdir() if file.is_file()} == before


def test_some_by_name(shell: Shell) -> None:
    """-k: only tests whose name holds the word."""
    _write(shell, _test('rule = "ack"', name="greets"), _test('rule = "menu"', name="tells the hours"))
    assert (shell("test", "-k", "greet").code, shell("test", "--only", "hours").code) == (0, 1)
    assert shell("test", "-k", "greet").out == "ok      greets\n1 passed, 0 failed\n"


def test_file_without_tests_passes(shell: Shell) -> None:
    """There is nothing that fails."""
    _write(shell)
    done = shell("test")
    assert (done.code, done.out) == (0, "0 passed, 0 failed\n")


def test_json_is_for_machines(shell: Shell) -> None:
    """`--json`: one document on stdout, and the same exit code."""
    _write(shell, _test('rule = "ack"', name="right"), _test("units = 2", name="wrong"))
    done = shell("test", "--json")
    assert done.code == 1
    assert json.loads(done.out) == {
        "passed": 1,
        "failed": 1,
        "tests": [{"name": "right", "faults": []}, {"name": "wrong", "faults": ["expected 2 units, got 1"]}],
    }


def test_bad_file_is_2(shell: Shell) -> None:
    """A file that is refused tests nothing."""
    _write(shell, _test('rule = "akc"'))
    done = shell("test")
    assert (done.code, done.out) == (2, "")
    assert 'tests[1].expect.rule: no rule is called "akc"; did you mean "ack"?' in done.err


def test_help_has_an_example(shell: Shell) -> None:
    """Whoever asks for help gets a line to copy."""
    assert "Example: plivo-autoreply test" in shell("test", "--help").out


def test_as_its_users_run_it(tmp_path: Path) -> None:
    """The real process: a failing test is exit code 1 and no traceback; no store is left behind."""
    (tmp_path / "weather.py").write_text(MODULE)
    (tmp_path / "config.toml").write_text(CONFIG + _test('rule = "menu"'))
    result = process.run("test", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"
    assert not list(tmp_path.glob("*.db"))
    assert not (tmp_path / "called").exists()
