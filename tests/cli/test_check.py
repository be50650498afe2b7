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
    assert result.stdout.splitlines()[0] == "config.toml: warning: rules.old: no route uses this rule"
    assert result.stderr == ""


def test_every_fault_is_told_and_the_code_is_2() -> None:
    """All faults in one run, each with file and key path, on stderr; exit code 2."""
    result = _check(process.MINIMAL.replace("https:", "ftp:").replace("[plivo]", "[plivo]\nauth_id = 5") + RULE)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert [line.split(": ")[:3] for line in lines[:-1]] == [
        ["config.toml", "error", "server.public_url"],
        ["config.toml", "error", "plivo.auth_id"],
    ]
    assert lines[-1] == "config.toml: 2 errors"


def test_one_error_is_one_error() -> None:
    """The count is written as people count."""
    assert _check(process.MINIMAL.replace("https:", "ftp:")).stderr.splitlines()[-1] == "config.toml: 1 error"


@pytest.mark.parametrize(
    ("content", "code", "summary"),
    [
        (process.MINIMAL, 0, {"ok": True, "errors": 0, "warnings": 0}),
        (process.MINIMAL + RULE, 0, {"ok": True, "errors": 0, "warnings": 1}),
        (process.MINIMAL.replace("https:", "ftp:") + RULE, 2, {"ok": False, "errors": 1, "warnings": 0}),
        (process.MINIMAL.replace("https:", "ftp:") + TARGET, 2, {"ok": False, "errors": 1, "warnings": 1}),
    ],
)
def test_json_is_for_machines(content: str, code: int, summary: dict[str, object]) -> None:
    """`--json`: one document on stdout, and the same exit code."""
    result = _check(content, "--json")
    assert result.exit_code == code
    document = json.loads(result.stdout)
    assert {key: document[key] for key in summary} == summary
    assert document["file"] == "config.toml"
    assert len(document["faults"]) == document["errors"] + document["warnings"]
    assert result.stderr == ""


def test_json_fault_has_its_place() -> None:
    """A fault has a key path; a syntax error has line and column instead."""
    (fault,) = json.loads(_check(process.MINIMAL + RULE, "--json").stdout)["faults"]
    assert fault == {
        "severity": "warning",
        "path": "rules.old",
        "message": "no route uses this rule",
        "line": None,
        "column": None,
    }
    (fault,) = json.loads(_check("[server\n", "--json").stdout)["faults"]
    assert (fault["severity"], fault["path"], fault["line"], fault["column"]) == ("error", "", 1, 8)


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
    assert "there is no such file; copy config.example.toml" in result.stderr


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
    assert "config.toml: error: line 1, column 8: not TOML" in result.stderr
    assert "Traceback" not in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]
