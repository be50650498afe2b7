"""Print lines, tables and JSON; everything that strangers wrote is escaped."""

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import click

from app.operations.escape import escaped, escaped_json

GAP = "  "  # between two columns


def echo(line: str, *, err: bool = False) -> None:
    """Print one line, escaped."""
    click.echo(escaped(line), err=err)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(escaped_json(json.dumps(value, ensure_ascii=False, indent=2)))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns below a header, as wide as their cells. On a terminal a line is cut at its width."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _lines([header, *([escaped(cell) for cell in row] for row in rows)]):
        click.echo(line if width is None else _cut(line, width))


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        yield GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """Return the columns that a text takes on a terminal: East Asian letters and emoji take two."""
    if text.isascii():
        return len(text)
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def _cut(line: str, width: int) -> str:
    if _width(line) <= width:
        return line
    while _width(line) >= width:
        line = line[:-1]
    return f"{line}…"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a noun with its count: 1 route, 2 routes, 2 deliveries."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
