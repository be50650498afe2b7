"""CSV as spreadsheets write it and may open it: separators, encodings, line numbers, and no cell that is a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from app.plivo.numbers import is_digits
from app.text_files import decoded

_SEPARATORS = (",", ";", "\t")  # Excel writes ";" where the comma is the decimal sign
_HINT = re.compile(r"sep=.?", re.IGNORECASE)  # a first line that tells Excel the separator
# https://owasp.org/www-community/attacks/CSV_Injection; also the quote itself, so that `read` can take it off again
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class BadSheet(ValueError):
    """The error for a file that is not a readable table. The message says why, and on which line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the line on which it starts, its cells by column, and what is wrong with it ("": nothing)."""

    number: int
    cells: Mapping[str, str]
    fault: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The names of the columns in lower case, and every row that is not blank."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read(content: bytes, needed: Sequence[str]) -> Sheet:
    """Read the rows below the first line, which names at least the `needed` columns. Raises `BadSheet`."""
    text = _text(content)
    for separator in _SEPARATORS:
        rows = _rows(text, separator)
        _, header, _ = next(rows, (0, [], ""))
        columns = tuple(cell.strip().casefold() for cell in header)
        if set(needed) <= set(columns):
            _refuse_twins(columns, needed)
            return Sheet(columns, tuple(_line(columns, *row) for row in rows))
    message = f"the first line must name the columns {' and '.join(needed)}"
    raise BadSheet(message)


def write(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write the table that `read` reads."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_neutral(cell) for cell in row] for row in rows)


def _text(content: bytes) -> str:
    try:
        return decoded(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"line {line}: not UTF-8; save the file as CSV UTF-8"
        raise BadSheet(message) from None


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield line, cells and fault of each row that is not blank. Strict: an open quote would swallow further rows."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield start, [], f"not CSV: {error}"
            return
        if cells is None:
            return
        if any(map(str.strip, cells)) and not _HINT.fullmatch(cells[0]):
            yield start, cells, ""


def _refuse_twins(columns: Sequence[str], needed: Iterable[str]) -> None:
    for name in needed:
        if columns.count(name) > 1:
            message = f"the first line names the column {name} twice"
            raise BadSheet(message)


def _line(columns: Sequence[str], number: int, cells: Sequence[str], fault: str) -> Line:
    if any(map(str.strip, cells[len(columns) :])):
        fault = "more cells than the first line has columns"
    return Line(number, dict(zip(columns, map(_original, cells), strict=False)), fault)


def _neutral(cell: str) -> str:
    """Return a cell with a quote before it if a spreadsheet would compute it; a number with "+" may be computed."""
    is_number = cell.startswith("+") and is_digits(cell[1:])
    return f"'{cell}" if cell.startswith(_FORMULA) and not is_number else cell


def _original(cell: str) -> str:
    return cell.removeprefix("'")
