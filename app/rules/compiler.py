"""Compile rules from their options, once, at load: parse every text and compile every pattern.

A kind reports each fault with its key and continues with a harmless stand-in, so that all faults are reported at once.
The compiler does not know the file; `note` finds a key's line in it.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, Self

from app.plivo import units
from app.plivo.numbers import Reading, doubtful, is_name, normalise
from app.rules import templates
from app.rules.number_lists import lines_of
from app.rules.schedules import Schedule
from app.rules.templates import Template

Severity = Literal["error", "warning"]
Place = tuple[str | int, ...]
NAMES = frozenset({"from", "to", "text", "rest", "route", "message_uuid"})  # what any template may use


class Note(Protocol):
    """A function that takes a fault: the problem, then `; ` and what to do."""

    def __call__(
        self,
        place: Place,
        message: str,
        severity: Severity = "error",
        *,
        about: Literal["key", "value"] = "value",
        at: range | None = None,
    ) -> None:
        """Report a fault at a place: about the key itself or its value, `at` these characters of the value."""
        ...


@dataclass(frozen=True, slots=True)
class RuleCompiler:
    """The compiler of one rule. It reads the values at `place` in the file and reports their faults."""

    place: Place
    note: Note
    read_number: Callable[[str], str]  # raises ValueError with advice
    read_address: Callable[[str], Reading]  # of senders; raises ValueError with advice
    vars: Mapping[str, frozenset[str]]  # of each route that lists the rule
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # added by the rule's own conditions
    all_names: bool = False  # what would add names could not be read, so any name may be one
    max_units: int = 3  # [limits] max_units
    folder: Path = Path()  # of the config file

    def at(self, *keys: str | int) -> Self:
        """Return a compiler for a table inside the rule."""
        return replace(self, place=(*self.place, *keys))

    def knowing(self, names: Iterable[str]) -> Self:
        """Return a compiler whose templates may use these names too."""
        return replace(self, names=self.names | frozenset(names))

    def knowing_all(self) -> Self:
        """Return a compiler whose templates may use any name."""
        return replace(self, all_names=True)

    def fault(
        self,
        key: str,
        message: str,
        severity: Severity = "error",
        *,
        about: Literal["key", "value"] = "value",
        at: range | None = None,
    ) -> None:
        """Report what is wrong with an option."""
        self.note((*self.place, key) if key else self.place, message, severity, about=about, at=at)

    def number(self, key: str, source: str, at: range | None = None) -> str:
        """Return the normalised form of an address in the file. A fault is reported and gives ""."""
        try:
            return self.read_number(source)
        except ValueError as error:
            self.fault(key, f'"{source}" is {error}', at=at)
            return ""

    def numbers(self, key: str, sources: Iterable[str]) -> tuple[str, ...]:
        """Return the normalised addresses of a list, each once."""
        listed = ((self.at(key, index), lines_of(source)) for index, source in enumerate(sources))
        return tuple(dict.fromkeys(one.number("", number, at) for one, lines in listed for number, at in lines))

    def sender(self, key: str, source: str, at: range | None = None) -> str:
        """Return the normalised address of a sender: a number, even if libphonenumber doubts it, or a name."""
        try:
            reading = self.read_address(source)
        except ValueError as error:
            if is_name(source.strip()):
                return normalise(source)
            self.fault(key, f'"{source}" is {error}', at=at)
            return ""
        if reading.doubt:
            self.fault(key, doubtful(reading), "warning", at=at)
        return reading.address

    def template(self, key: str, source: str) -> Template:
        """Return the compiled text. Its names must be known in every route that lists the rule."""
        try:
            template = templates.parse(source, self.schedules)
        except templates.BadTemplate as error:
            self.fault(key, str(error), at=error.at)
            return Template(())
        if not source.strip():
            self.fault(key, "an empty text sends nothing; to send nothing on purpose, write: silence = true")
        for name in () if self.all_names else sorted(template.names - NAMES - self.names):
            self._check_name(key, name, templates.place_of(name, source))
        self._check_cost(key, source, template.fixed)
        return template

    def schedule(self, key: str, name: str) -> Schedule | None:
        """Return the schedule of that name. A fault is reported and gives None."""
        if name in self.schedules:
            return self.schedules[name]
        near = difflib.get_close_matches(name, self.schedules, n=1)
        advice = f'did you mean "{near[0]}"?' if near else f"write [schedules.{name}]"
        self.fault(key, f'no schedule is called "{name}"; {advice}')
        return None

    def _check_name(self, key: str, name: str, at: range) -> None:
        lacking = [route for route, known in self.vars.items() if name not in known]
        if self.vars and not lacking:
            return
        known = NAMES | self.names | frozenset().union(*self.vars.values())
        near = difflib.get_close_matches(name, known, n=1)
        where = f" in the vars of route {lacking[0]}" if lacking and name in known else ""
        advice = (
            f"did you mean {{{near[0]}}}?" if near and near[0] != name else f"known here: {', '.join(sorted(known))}"
        )
        self.fault(key, f"{{{name}}} is not known{where}; {advice}", at=at)

    def _check_cost(self, key: str, source: str, fixed: str | None) -> None:
        if fixed is not None and (count := units.count(fixed)) > self.max_units:
            message = f"{count} units, more than [limits] max_units = {self.max_units}; shorten the text or raise it"
            self.fault(key, message, at=range(len(source)))
        if stray := units.stray(source):
            self.fault(key, costs_units(*stray), "warning", at=range(stray[0], stray[0] + 1))


def costs_units(index: int, character: str) -> str:
    """Return the warning of a character that GSM-7 lacks."""
    what = f"column {index + 1} ({character!r}, U+{ord(character):04X}) is not in GSM-7"
    return f"{what}; each unit holds 70 characters instead of 160"
