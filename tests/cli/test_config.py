"""`config show` and `config schema`."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import process

from app.cli.config import command


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token, and a folder of its own."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "test-auth-token")
    monkeypatch.delenv("AUTOREPLY_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def _run(*arguments: str, content: str = process.MINIMAL) -> Result:
    Path("config.toml").write_text(content)
    return CliRunner().invoke(command, list(arguments))


def test_show_prints_toml_or_json() -> None:
    """The same values, without secrets."""
    toml, document = _run("show"), _run("show", "--json")
    assert (toml.exit_code, document.exit_code) == (0, 0)
    assert tomllib.loads(toml.stdout) == json.loads(document.stdout)
    assert 'deadline = "6s"' in toml.stdout
    assert "test-auth-token" not in toml.stdout + document.stdout


def test_show_of_a_bad_file_tells_what_is_wrong() -> None:
    """As every command does: exit code 2."""
    result = _run("show", content="[server\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "config.toml:1:1: error: " in result.stderr


def test_schema_is_printed() -> None:
    """For the file, and for those that it includes."""
    whole, included = (json.loads(_run("schema", *more).stdout) for more in ([], ["--included"]))
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(included["properties"]) == {"routes", "rules", "schedules", "tests"}
    assert "server" in whole["properties"]
