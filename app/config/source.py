"""The source of a configuration: its values, the files they come from, and what is wrong with them.

Everything that reads a part of the file is given the `Source`, the place of the part (a path of keys), and notes there
what is wrong. Lines and columns are looked up at the end, and only if something was noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.config.diagnostics import Diagnostic
from app.config.locating import Finding, Locator, Part
from app.config.tree import ABSENT, is_source, value_at
from app.rules.compiler import Place, Severity
from app.text_files import decoded


@dataclass(slots=True)
class Source:
    """What is read, and what is noted of it."""

    shown: Path  # the file as it was named
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    data: dict[str, Any] = field(default_factory=dict, repr=False)  # of all files together
    parts: list[Part] = field(default_factory=list, repr=False)  # the file itself, then those that it includes
    flags: frozenset[str] = frozenset()  # keys of [server] that come from the command line
    contents: dict[Path, bytes] = field(default_factory=dict, repr=False)  # of each file that a value was read from
    missing: set[Path] = field(default_factory=set, repr=False)  # files that a value should have come from
    _findings: dict[Finding, None] = field(default_factory=dict, repr=False)  # in order, each once
    _unread: set[Place] = field(default_factory=set, repr=False)
    _present: dict[int, tuple[list[Any], list[int]]] = field(default_factory=dict, repr=False)  # by the id of the list

    @property
    def folder(self) -> Path:
        """The folder of the file, which relative paths start from."""
        return self.shown.resolve().parent

    def note(
        self,
        place: Place,
        message: str,
        severity: Severity = "error",
        *,
        about: Literal["key", "value"] = "value",
        at: range | None = None,
    ) -> None:
        """Note what is wrong: the problem, then `; ` and what to do. `at`: which characters of the value are meant.

        Nothing is noted of what could not be read: one mistake is one error.
        """
        is_of_table = about == "value" and isinstance(self.value(place), Mapping)
        if not (self.has_unread(place) if is_of_table else self.is_unread(place)):
            self._findings[Finding(self.real(place), message, severity, about, at)] = None

    def refuse(self, place: Place, message: str, *, about: Literal["key", "value"] = "value") -> None:
        """Note that a value cannot be read. What is built without it is noted no more."""
        self._findings[Finding(self.real(place), message, "error", about)] = None

    def note_in(self, part: Part, place: Place, message: str, *, about: Literal["key", "value"] = "value") -> None:
        """Note what is wrong with an included file itself."""
        self._findings[Finding(place, message, "error", about, None, part)] = None

    def forget(self, place: Place) -> None:
        """Ignore what is noted of this place from now on: its value could not be read."""
        self._unread.add(self.real(place))

    def is_unread(self, place: Place) -> bool:
        """Whether the value of this place, or of a table around it, could not be read."""
        real = self.real(place)
        return any(real[:length] in self._unread for length in range(len(real) + 1))

    def has_unread(self, place: Place) -> bool:
        """Whether something at or below this place could not be read."""
        real = self.real(place)
        return self.is_unread(place) or any(unread[: len(real)] == real for unread in self._unread)

    @property
    def has_errors(self) -> bool:
        """Whether the file must be refused."""
        return any(finding.severity == "error" for finding in self._findings)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that was noted, in the order of the file."""
        locator = Locator(self.shown, self.parts, self.data, self.flags, self.environment, self.contents)
        return locator.locate(self._findings)

    def value(self, place: Place) -> Any:
        """What stands at a place; None if there is nothing."""
        found = value_at(self.data, self.real(place))
        return None if found is ABSENT else found

    def read(self, name: str) -> str:
        """The text of a file beside this one, without its last line ends. Raises `OSError`, `UnicodeDecodeError`."""
        return decoded(self.read_bytes(name)).replace("\r\n", "\n").rstrip("\r\n")

    def read_bytes(self, name: str) -> bytes:
        """The content of a file beside this one, read once. Raises `OSError`."""
        path = self.folder / name
        if path not in self.contents:
            try:
                self.contents[path] = path.read_bytes()
            except OSError:
                self.missing.add(path)
                raise
        return self.contents[path]

    def resolved(self, value: Mapping[str, Any]) -> str | None:
        """The text that `{ env = ".." }` or `{ file = ".." }` stands for; None: it is missing."""
        try:
            return self.environment[value["env"]] if "env" in value else self.read(value["file"])
        except (KeyError, OSError, UnicodeDecodeError):
            return value.get("default")

    def real(self, place: Place) -> Place:
        """The place as the file has it: one value may stand for a list, and optional elements may be missing."""
        value: Any = self.data
        real: list[str | int] = []
        for key in place:
            step: str | int = key
            if isinstance(key, int) and value is not ABSENT:
                if not isinstance(value, list):
                    continue
                step = self._index(value, key)
            real.append(step)
            value = value_at(value, (step,))
        return tuple(real)

    def _index(self, values: list[Any], position: int) -> int:
        """The index of what is at this position once optional elements that are missing have been left out."""
        if id(values) not in self._present:  # once for each list: there may be thousands of routes
            found = [index for index, value in enumerate(values) if not self._is_missing(value)]
            self._present[id(values)] = values, found
        present = self._present[id(values)][1]
        return present[position] if position < len(present) else position

    def _is_missing(self, value: Any) -> bool:
        if not is_source(value) or value.get("optional") is not True or "default" in value:
            return False
        if "env" in value:
            return value["env"] not in self.environment
        try:
            self.read_bytes(str(value["file"]))
        except OSError:
            return True
        return False
