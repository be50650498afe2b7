"""Errors and warnings of a file: a line each in a pipe, with the line of the file and a caret in a terminal."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from app.cli.output import counted
from app.config import Diagnostic
from app.config.diagnostics import Excerpt
from app.operations.escape import escaped

TAB = "    "
STYLES = {"error": "bold bright_red", "warning": "bold yellow", "advice": "bold cyan", "frame": "bright_blue"}
LEAST_WIDTH = 40  # columns of a line of the file
CUT = ".."

Piece = tuple[str, str]  # a text, and the name of its style


def report(diagnostics: Sequence[Diagnostic]) -> None:
    """Print them to stderr."""
    if sys.stderr and sys.stderr.isatty():
        _print(piece for one in diagnostics for piece in render(one, shutil.get_terminal_size().columns))
    else:
        for one in diagnostics:
            click.echo(escaped(str(one)), err=True)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are: 2 errors, 1 warning."""
    severities = [one.severity for one in diagnostics]
    counts = {name: severities.count(name) for name in ("error", "warning")}
    return ", ".join(counted(count, name) for name, count in counts.items() if count)


def document(diagnostics: Iterable[Diagnostic]) -> dict[str, list[dict[str, Any]]]:
    """The document of `check --json`."""
    each = list(diagnostics)
    return {
        f"{severity}s": [
            {"file": one.file, "line": one.line, "column": one.column, "key": one.key, "message": one.message}
            for one in each
            if one.severity == severity
        ]
        for severity in ("error", "warning")
    }


def render(one: Diagnostic, columns: int) -> Iterator[Piece]:
    """What is wrong, where, the line itself, and below it a caret and what to do."""
    problem, advice = one.parts
    yield one.severity, one.severity
    yield f": {f'{one.key}: ' if one.key else ''}{problem}\n", "headline"
    yield " --> ", "frame"
    yield f"{one.where}\n", ""
    if not one.excerpt:
        yield f"{advice}\n" if advice else "", "advice"
        return
    number = str(one.line)
    text, indent, length = _window(one.excerpt, max(columns - len(number) - 3, LEAST_WIDTH))
    yield f"{number} | ", "frame"
    yield f"{text}\n", ""
    yield f"{' ' * len(number)} | ", "frame"
    yield f"{' ' * indent}{'^' * length}", one.severity
    yield f" {advice}\n" if advice else "\n", "advice"


def _window(excerpt: Excerpt, columns: int) -> tuple[str, int, int]:
    """The line as it fits, and where its marked part begins and how long it is, in cells of the terminal."""
    before, marked, after = (
        _plain(part)
        for part in (
            excerpt.text[: excerpt.start - 1],
            excerpt.text[excerpt.start - 1 : excerpt.end - 1],
            excerpt.text[excerpt.end - 1 :],
        )
    )
    if _width(before + marked + after) > columns:
        marked = _fitting(marked, columns * 3 // 4)
        room = columns - _width(marked)
        if _width(before) > room // 2:
            before = CUT + _fitting(before[::-1], room // 2 - len(CUT))[::-1]
        after = _fitting(after, columns - _width(before + marked) - len(CUT)) + CUT if after else ""
    return before + marked + after, _width(before), max(_width(marked), 1)


def _plain(text: str) -> str:
    return escaped(text.replace("\t", TAB))


def _width(text: str) -> int:
    from wcwidth import wcswidth  # noqa: PLC0415 - 1 MB, and a server hardly ever has an error to show

    return max(wcswidth(text), 0)


def _fitting(text: str, columns: int) -> str:
    """Return the beginning of a text, as long as it fits into so many columns."""
    end = len(text)
    while end and _width(text[:end]) > columns:
        end -= 1
    return text[:end]


def _print(pieces: Iterable[Piece]) -> None:
    from rich.console import Console  # noqa: PLC0415 - 33 ms, for a terminal only
    from rich.text import Text  # noqa: PLC0415

    text = Text()
    for piece, style in pieces:
        text.append(escaped_lines(piece), STYLES.get(style, "bold" if style == "headline" else ""))
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, end="")


def escaped_lines(text: str) -> str:
    """The text with its line ends, all else that is unusual escaped."""
    return "\n".join(map(escaped, text.split("\n")))
