"""What is wrong with a file: each error and warning with its place, its key path and what to do about it.

No message and no excerpt holds a secret (G12).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.rules.compiler import Severity

_PROBLEM = re.compile(r"""(?:"[^"]*"|(?<!\w)'[^']*'(?!\w)|(?!;\ ).)*""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line of the file, secrets masked, and the columns that are meant: from `start` up to `end`, counted from 1."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to mend. `line` and `column` count from 1; None: it is about no line of a file."""

    key: str
    message: str
    severity: Severity = "error"
    file: str = ""
    line: int | None = None
    column: int | None = None
    excerpt: Excerpt | None = None
    value: str = ""  # as it is shown in the message, brackets included

    @property
    def parts(self) -> tuple[str, str]:
        """What is wrong, and what to do."""
        start = self.message.find(self.value) + len(self.value) if self.value else 0
        problem, advice = divided(self.message[start:])
        return self.message[:start] + problem, advice

    @property
    def where(self) -> str:
        """The place as editors and terminals understand it: file:line:column."""
        return self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        about = f"{self.key}: " if self.key else ""
        return f"{self.where}: {self.severity}: {about}{self.message}"


class BadConfig(Exception):
    """The file is refused. Carries every error, and the warnings too."""

    def __init__(self, file: str, diagnostics: Iterable[Diagnostic]) -> None:
        self.file = file
        self.diagnostics = tuple(diagnostics)
        super().__init__(f"{file}: {len(self.errors)} errors")

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those that refuse the file."""
        return tuple(one for one in self.diagnostics if one.severity == "error")


def divided(message: str) -> tuple[str, str]:
    """Return what is wrong, and what to do: what stands before and behind the first `; ` that is not in quotes."""
    found = _PROBLEM.match(message)
    problem = found[0] if found else ""
    return problem, message[len(problem) :].removeprefix("; ")
