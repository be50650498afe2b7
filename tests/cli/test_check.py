"""`check`: every fault with its place, exit code 2; a good file is fine, exit code 0."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import process

from app.cli.check import command

TARGET = '[targets.crm]\nurl = "http://crm.example.com"\n'
RULE = '[rules.old]\ntext = "Old."\n'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token, and a folder of its own."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "test-auth-token")
    monkeypatch.delenv("AUTOREPLY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def _check(content: str, *arguments: str) -> Result:
    Path("config.toml").write_text(content)
    return CliRunner().invoke(command, list(arguments))


def test_good_file_is_fine() -> None:
    """Exit code 0, and a summary."""
    result = _check(process.MINIMAL)
    assert result.exit_code == 0
    assert result.stdout == "config.toml: fine (1 route, 1 rule, 0 targets, 0 tests)\n"
    assert result.stderr == ""


def test_warning_refuses_nothing() -> None:
    """A warning is told, and the file is fine all the same."""
    result = _check(process.MINIMAL + RULE)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0].startswith("config.toml:9:1: warning: rules.old: no route uses this rule; ")
    assert result.stdout.startswith("config.toml: fine (")


def test_every_error_is_told_and_the_code_is_2() -> None:
    """All errors and warnings in one run, each on a line with file, line, column and key path, in the order of the
    file, on stderr; exit code 2.
    """
    result = _check(process.MINIMAL.replace("https:", "ftp:").replace("[plivo]", "[plivo]\nauth_id = 5") + RULE)
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert [line.split(": ")[:3] for line in lines[:-1]] == [
        ["config.toml:3:14", "error", "server.public_url"],
        ["config.toml:5:11", "error", "plivo.auth_id"],
        ["config.toml:10:1", "warning", "rules.old"],
    ]
    assert lines[-1] == "2 errors, 1 warning"


def test_an_error_shows_the_value_and_what_to_do() -> None:
    """The form of a line: file:line:column: severity: key path: what is wrong ("the value"); what to do."""
    result = _check(process.MINIMAL.replace("[plivo]", 'deadline = "9s"\n[plivo]'))
    assert result.stderr.splitlines()[0] == (
        'config.toml:4:12: error: server.deadline: too large ("9s"); write 7.5s or less'
    )


def test_one_error_is_one_error() -> None:
    """The count is written as people count."""
    assert _check(process.MINIMAL.replace("https:", "ftp:")).stderr.splitlines()[-1] == "1 error"


@pytest.mark.parametrize(
    ("content", "code", "errors", "warnings"),
    [
        (process.MINIMAL, 0, 0, 0),
        (process.MINIMAL + RULE, 0, 0, 1),
        (process.MINIMAL.replace("https:", "ftp:") + RULE, 2, 1, 1),
        (process.MINIMAL.replace("https:", "ftp:") + TARGET, 2, 1, 1),
    ],
)
def test_json_is_for_machines(content: str, code: int, errors: int, warnings: int) -> None:
    """`--json`: one document on stdout, nothing on stderr, and the same exit code."""
    result = _check(content, "--json")
    assert (result.exit_code, result.stderr) == (code, "")
    document = json.loads(result.stdout)
    assert {key: len(value) for key, value in document.items()} == {"errors": errors, "warnings": warnings}


def test_json_has_places() -> None:
    """Each has file, line, column, key path and message; a syntax error has no key path."""
    (warning,) = json.loads(_check(process.MINIMAL + RULE, "--json").stdout)["warnings"]
    assert warning == {
        "file": "config.toml",
        "line": 9,
        "column": 1,
        "key": "rules.old",
        "message": "no route uses this rule; add it to the rules of a route, or delete it",
    }
    (error,) = json.loads(_check("[server\n", "--json").stdout)["errors"]
    assert (error["key"], error["line"], error["column"]) == ("", 1, 1)


def test_verbose_shows_the_next_seven_days_of_each_schedule() -> None:
    """One line for each day, in the words of the wall clock of the schedule; here it is never changed."""
    schedules = "".join(
        f'[schedules.{name}]\ntimezone = "Asia/Tokyo"\nhours = "{hours}"\n'
        for name, hours in {
            "office": "Mo-Su 09:00-12:30,13:30-18:00",
            "bar": "Mo-Su 22:00-02:00",
            "shut": "off",
        }.items()
    )
    lines = _check(process.MINIMAL + schedules, "-v").stdout.splitlines()
    assert [line for line in lines if line.endswith("(Asia/Tokyo)")] == [
        "office (Asia/Tokyo)",
        "bar (Asia/Tokyo)",
        "shut (Asia/Tokyo)",
    ]
    assert sum(line.endswith("  09:00-12:30, 13:30-18:00") for line in lines) == 7
    assert sum(line.endswith("  00:00-02:00, 22:00-24:00") for line in lines) == 7
    assert sum(line.endswith("  closed") for line in lines) == 7


def test_file_is_named_by_option_or_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """-c, else $AUTOREPLY_CONFIG, else config.toml."""
    other = tmp_path / "other.toml"
    other.write_text(process.MINIMAL)
    assert "other.toml: fine" in _check("", "-c", str(other)).stdout
    monkeypatch.setenv("AUTOREPLY_CONFIG", str(other))
    assert "other.toml: fine" in _check("").stdout
    assert _check("", "--config", "config.toml").exit_code == 2


def test_no_file_is_a_users_mistake() -> None:
    """A file that is not there is told with what to do; exit code 2."""
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert "there is no such file; `plivo-autoreply init` writes one" in result.stderr


def test_wrong_usage_is_2() -> None:
    """An unknown option is bad usage."""
    assert _check(process.MINIMAL, "--jsno").exit_code == 2


def test_help_has_an_example() -> None:
    """Whoever asks for help gets a line to copy."""
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "Example: plivo-autoreply check" in result.stdout


def test_mistake_never_shows_a_traceback(tmp_path: Path) -> None:
    """As its users run it: what is wrong, exit code 2, and no line of our code; nothing is written."""
    (tmp_path / "config.toml").write_text("[server\n")
    result = process.run("check", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "config.toml:1:1: error: the brackets of this header do not match; write [server]" in result.stderr
    assert "Traceback" not in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]
