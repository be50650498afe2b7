"""Tables: columns as wide as their cells, whole in a pipe, cut on a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.output import counted, print_table

ROWS = [("été", "👍 ok"), ("東京", "a"), ("\x1b[2J", "b")]


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """By the columns that a terminal shows, not by characters; what strangers wrote is escaped, and no line ends in
    blanks.
    """
    print_table(("NAME", "TEXT"), ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "NAME     TEXT",
        "été      👍 ok",
        "東京     a",
        r"\x1b[2J  b",
    ]


@pytest.mark.parametrize(("columns", "shown"), [("80", "東京  x"), ("6", "東京 …"), ("5", "東京…"), ("4", "東…")])
def test_a_terminal_cuts_lines(tmp_path: Path, columns: str, shown: str) -> None:
    """A line that is wider than the terminal ends in an ellipsis."""
    program = "from app.cli.output import print_table; print_table(('A', 'B'), [('東京', 'x')])"
    reading, terminal = os.openpty()
    with os.fdopen(reading, "rb", buffering=0) as screen:
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": columns},
            stdout=terminal,
            check=True,
            timeout=60,
        )
        os.close(terminal)
        assert screen.read(10_000).decode().splitlines()[1] == shown


def test_counted() -> None:
    """One is singular; another plural can be given."""
    assert [counted(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert [counted(n, "delivery", "deliveries") for n in (1, 2)] == ["1 delivery", "2 deliveries"]


def _secret(stdout: int, shell: str = '"$0" -m app secret') -> subprocess.CompletedProcess[bytes]:
    """`secret`, which needs no file, with its output there."""
    return subprocess.run(
        ["sh", "-c", shell, sys.executable],
        env=os.environ,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def test_output_that_nobody_reads_is_no_failure() -> None:
    """As behind `| head`: exit 0, and not a word; the same if the caller has closed it."""
    reading, writing = os.pipe()
    os.close(reading)
    done = _secret(writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    done = _secret(subprocess.DEVNULL, '"$0" -m app secret >&-')
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_that_nobody_can_read_keeps_its_exit_code(tmp_path: Path) -> None:
    """A command whose stderr is closed, as with `2>&-`, ends with the code for a user's mistake."""
    command = ["sh", "-c", '"$0" -m app status -c missing.toml 2>&-', sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
