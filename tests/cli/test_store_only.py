"""Commands that only need the store work beside a file with errors elsewhere, and without its secrets."""

from pathlib import Path

import pytest
from support.command import Shell
from support.stored import put_store

BROKEN = """
[server]
public_url = "nonsense"
[plivo]
auth_tokens = { env = "NOT_SET" }
[[routes]]
to = "+33644600000"
rules = ["missing"]
"""
WHO = "+33700000001"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A folder with a file that `serve` refuses, and a store."""
    monkeypatch.delenv("NOT_SET", raising=False)
    (tmp_path / "config.toml").write_text(BROKEN)
    put_store(tmp_path / "autoreply.db")
    shell = Shell(tmp_path, monkeypatch, capsys)
    assert shell("optout", "add", "--to", "+33644600000", "--from", WHO).code == 0
    return shell


@pytest.mark.parametrize(
    "command",
    [
        ("history", WHO),
        ("deliveries", "list"),
        ("optout", "list"),
        ("limits", "list"),
        ("limits", "reset", WHO, "--yes"),
        ("forget", WHO, "--yes"),
        ("status",),
        ("backup", "copy.db"),
        ("migrate",),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_only_the_store_is_read(shell: Shell, command: tuple[str, ...]) -> None:
    """At three in the morning nobody mends the file first."""
    done = shell(*command)
    assert done.code == 0, done.err
    assert "public_url" not in done.err


def test_a_file_that_is_not_toml_is_told(shell: Shell, tmp_path: Path) -> None:
    """On stderr, with its place; the command does what it was asked."""
    (tmp_path / "config.toml").write_text(f"{BROKEN}[targets.crm\n")
    done = shell("optout", "list", "--json")
    assert done.code == 0
    assert WHO in done.out
    assert "config.toml:9:1: error:" in done.err
    assert "going on with its [store]" in done.err


def test_a_broken_file_hides_no_limits(shell: Shell) -> None:
    """Spending caps are those that servers reported; here none has run yet."""
    done = shell("limits", "list")
    assert (done.code, done.err) == (0, "no server has reported a spending cap yet\n")


def test_a_broken_store_table_is_told(shell: Shell, tmp_path: Path) -> None:
    """With its place, and nothing else."""
    (tmp_path / "config.toml").write_text(f'{BROKEN}[store]\nkeep = "soon"\n')
    done = shell("history", WHO)
    assert done.code == 2
    assert done.err.splitlines()[0].startswith('config.toml:10:8: error: store.keep: not a duration ("soon")')
    assert "public_url" not in done.err
