"""A text that is not TOML, and where tomllib gave up."""

import re
from dataclasses import dataclass

from app.config.secrecy import masked_line
from app.config.spans import Lines, Span

TOKEN = re.compile(
    r"""\#[^\n]*|\"""(?:\\.|[^\\])*?\"""|'''.*?'''|(?P<open>\"""|'''|["'](?!(?<=")(?:\\.|[^"\\\n])*"|(?<=')[^'\n]*'))"""
    r"""|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|(?P<bracket>[\[\]{}])""",
    re.DOTALL,
)
PAIR = re.compile(r"""\s*(?:\[|(?:[\w.-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*\s*=)""")
_SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Broken:
    """A text, and where tomllib gave up."""

    text: str
    lines: Lines
    offset: int
    reason: str

    @property
    def line(self) -> str:
        """The line of the offset."""
        return self.lines.lines[self.row]

    @property
    def row(self) -> int:
        """The row of the offset, counted from 0."""
        return self.text.count("\n", 0, self.offset)

    @property
    def column(self) -> int:
        """The column of the offset, counted from 0."""
        return self.offset - self.text.rfind("\n", 0, self.offset) - 1

    @property
    def value_at(self) -> int:
        """The column at which the value of this line begins."""
        found = PAIR.match(self.line)
        start = found.end() if found and found[0].endswith("=") else 0
        return start + len(self.line[start:]) - len(self.line[start:].lstrip())

    def here(self, start: int, stop: int | None = None) -> Span:
        """Some columns of the line, counted from 0."""
        return Span(self.row + 1, start + 1, max(len(self.line.rstrip()) if stop is None else stop, start + 1) + 1)

    def quoted(self, word: str) -> str:
        """A part of the line for a message; nothing if the line holds a secret."""
        if masked_line(self.lines.lines, self.row + 1) != self.line:
            return ""
        return f' ("{word[:_SHOWN]}{".." if len(word) > _SHOWN else ""}")'


def open_brackets(broken: Broken) -> list[int]:
    """Where the brackets stand that are open at the offset, headers apart."""
    opened: list[int] = []
    for token in TOKEN.finditer(broken.text, 0, broken.offset):
        bracket = token["bracket"]
        line_start = broken.text.rfind("\n", 0, token.start()) + 1
        if not bracket or (not opened and is_header(broken.text[line_start : token.end()])):
            continue
        if bracket in "[{":
            opened.append(token.start())
        elif opened:
            opened.pop()
    return opened


def is_header(beginning: str) -> bool:
    """Whether the beginning of a line is that of [table]."""
    return "=" not in beginning and beginning.lstrip().startswith("[")
