"""Lines and columns: of a part of a line, of an offset in a text, of a character inside a TOML string. Counted from 1,
in characters.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[ \t]*\n\s*|.)", re.DOTALL)
_DELIMITERS = ('"""', "'''", '"', "'")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a line, from `column` up to `end`. What begins there may go on to `last_line`."""

    line: int
    column: int
    end: int
    last_line: int = 0


class Lines:
    """The lines of a text, found once."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self._starts = list(accumulate((len(line) + 1 for line in self.lines), initial=0))

    def span(self, start: int, stop: int) -> Span:
        """Where the characters from offset `start` to `stop` stand; no further than to the end of the line."""
        index = min(bisect_right(self._starts, start) - 1, len(self.lines) - 1)
        column = start - self._starts[index] + 1
        end = min(stop - self._starts[index] + 1, len(self.lines[index]) + 1)
        return Span(index + 1, column, max(end, column + 1))


def column_in_string(raw: str, offset: int) -> Span:
    """Where a character of a TOML string stands in the string as it is written, quotes and escapes included."""
    delimiter = next((one for one in _DELIMITERS if raw.startswith(one)), "")
    position, left = len(delimiter), offset
    if len(delimiter) > 1 and raw[position : position + 1] == "\n":  # TOML drops it
        position += 1
    while left > 0 and position < len(raw):
        escape = _ESCAPE.match(raw, position) if delimiter.startswith('"') else None
        position = escape.end() if escape else position + 1
        left -= 0 if escape and "\n" in escape[0] else 1
    return Lines(raw).span(min(position, max(len(raw) - 1, 0)), position + 1)
