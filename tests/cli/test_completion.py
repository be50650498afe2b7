"""`completion`: the script makes a shell complete commands, options and values."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import process
from support.command import Shell

from app.cli.completion import SHELLS

ASK = """
eval "$(plivo-autoreply completion bash)"
COMP_WORDS=({words})
COMP_CWORD={last}
_plivo_autoreply_completion plivo-autoreply
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which the command is found."""
    program = tmp_path / "plivo-autoreply"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m app "$@"\n')
    program.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("plivo-autoreply", "hist"), ["history"]),
        (("plivo-autoreply", "deliveries", "re"), ["replay", "resume"]),
        (("plivo-autoreply", "history", "--si"), ["--since"]),
        (("plivo-autoreply", "deliveries", "list", "--state", "d"), ["due", "done", "dead", "dropped"]),
    ],
)
def test_bash_completes(tmp_path: Path, path: str, words: tuple[str, ...], completed: list[str]) -> None:
    """In a real bash: commands, those of groups, options, and the values of options."""
    program = ASK.format(words=" ".join(words), last=len(words) - 1)
    environment = process.environment(tmp_path, PATH=path, PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run(
        ["bash", "--norc", "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, completed), done.stderr


@pytest.mark.parametrize("shell_name", SHELLS)
def test_each_shell_has_a_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell_name: str
) -> None:
    """It asks the command itself, by the variable that click listens to."""
    done = Shell(tmp_path, monkeypatch, capsys)("completion", shell_name)
    assert done.code == 0
    assert f"_PLIVO_AUTOREPLY_COMPLETE={shell_name}_complete" in done.out


def test_an_unknown_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and which there are."""
    done = Shell(tmp_path, monkeypatch, capsys)("completion", "tcsh")
    assert (done.code, "'bash', 'zsh', 'fish'" in done.err) == (2, True)
