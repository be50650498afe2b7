"""What is wrong with a file: each fault with its key path and what to do about it.

No fault holds a secret's value. Line and column are filled in where they are known.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.rules.compiler import Place, Severity


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing to mend."""

    place: Place
    message: str
    severity: Severity = "error"
    line: int | None = None
    column: int | None = None

    @property
    def path(self) -> str:
        """The key path as TOML writes it: routes[0].to, rules.menu.keywords."HOURS | OPEN"."""
        path = ""
        for key in self.place:
            if isinstance(key, int):
                path += f"[{key}]"
            else:
                quoted = key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else f'"{key}"'
                path += f".{quoted}" if path else quoted
        return path

    def __str__(self) -> str:
        position = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        return f"{position}{self.path}: {self.message}" if self.place else f"{position}{self.message}"


class BadConfig(Exception):
    """The file is refused. Carries every fault, warnings too."""

    def __init__(self, file: str, faults: Iterable[Diagnostic]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__(f"{file}: {len(self.errors)} errors")

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those that refuse the file."""
        return tuple(fault for fault in self.faults if fault.severity == "error")


class Diagnostics:
    """Collects while the file is read."""

    def __init__(self) -> None:
        self.all: list[Diagnostic] = []

    def note(self, place: Place, message: str, severity: Severity = "error") -> None:
        """One more; the same one twice is one."""
        fault = Diagnostic(place, message, severity)
        if fault not in self.all:
            self.all.append(fault)

    @property
    def errors(self) -> bool:
        """Whether the file must be refused."""
        return any(fault.severity == "error" for fault in self.all)
