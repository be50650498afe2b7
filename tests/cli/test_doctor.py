"""`doctor` on the command line: worst first, one line a check and one for what to change; 1 if there is an error."""

import json
from pathlib import Path

import pytest
from support.command import Shell

CONFIG = """
[server]
public_url = "http://localhost:9"
[plivo]
auth_tokens = { env = "PLIVO_AUTH_TOKEN" }
[[routes]]
to = "*"
text = "Got it."
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A file whose service does not run."""
    (tmp_path / "config.toml").write_text(CONFIG)
    return Shell(tmp_path, monkeypatch, capsys)


def test_errors_come_first(shell: Shell) -> None:
    """The summary, then errors with their advice, then warnings, then what is well."""
    done = shell("doctor")
    lines = done.out.splitlines()
    assert done.code == 1
    assert lines[0] == "1 error, 3 warnings; 5 checks made."
    assert lines[1].startswith(
        "error    connect  localhost:9 cannot be reached: could not connect (Connection refused)"
    )
    assert lines[2] == " " * 18 + "is the proxy running, and does the firewall let this port through?"
    assert [line.split()[0] for line in lines if not line.startswith(" ")][1:] == ["error", *["warning"] * 3, "ok"]


def test_for_machines(shell: Shell) -> None:
    """One document, the checks in the order in which they were made."""
    done = shell("doctor", "--json")
    found = json.loads(done.out)
    assert done.code == 1
    assert (found["ok"], found["errors"], found["warnings"]) == (False, 1, 3)
    assert [check["name"] for check in found["checks"]] == ["dns", "tls", "connect", "plivo", "store"]
    assert found["checks"][2]["level"] == "error"


def test_a_file_that_does_not_load(shell: Shell) -> None:
    """The file's own errors come before anything is looked at."""
    (shell.folder / "config.toml").write_text("[server]\n")
    assert shell("doctor").code == 2


def test_an_environment_that_cannot_be_used(shell: Shell) -> None:
    """A proxy variable that is wrong is the user's to mend."""
    done = shell("doctor", HTTP_PROXY="socks5://localhost:1")
    assert done.code == 2
    assert "HTTP_PROXY" in done.err
