"""Compile rules from their options, once, at load: every text parsed, every pattern compiled.

A kind notes each fault with the key that it belongs to and goes on with a harmless stand-in, so that
the owner of the file hears of all faults at once. The compiler knows no file; `note` does.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from app.plivo import units
from app.plivo.numbers import Reading, doubtful, is_name, normalise
from app.rules import templates
from app.rules.schedules import Schedule
from app.rules.templates import Template

Severity = Literal["error", "warning"]
Place = tuple[str | int, ...]
NAMES = frozenset({"from", "to", "text", "rest", "route", "message_uuid"})  # what every template may use

Note = Callable[[Place, str, Severity], None]


@dataclass(frozen=True, slots=True)
class RuleCompiler:
    """The bench of one rule."""

    place: Place
    note: Note
    read_number: Callable[[str], str]  # raises ValueError with advice
    read_address: Callable[[str], Reading]  # of people who text us; raises ValueError with advice
    vars: Mapping[str, frozenset[str]]  # of each route that lists the rule
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # what the rule's own conditions add
    max_units: int = 3  # [limits] max_units
    folder: Path = Path()  # of the config file

    def at(self, *keys: str | int) -> Self:
        """The same bench for a table inside the rule."""
        return replace(self, place=(*self.place, *keys))

    def knowing(self, names: Iterable[str]) -> Self:
        """The same bench, where templates may use more names."""
        return replace(self, names=self.names | frozenset(names))

    def fault(self, key: str, message: str, severity: Severity = "error") -> None:
        """Notes what is wrong with an option."""
        self.note((*self.place, key) if key else self.place, message, severity)

    def number(self, key: str, source: str) -> str:
        """The normalised address that a person wrote."""
        try:
            return self.read_number(source)
        except ValueError as error:
            self.fault(key, str(error))
            return ""

    def sender(self, key: str, source: str) -> str:
        """The normalised address of somebody who texts us: a number, whether or not it exists in full, or a name."""
        try:
            reading = self.read_address(source)
        except ValueError as error:
            if is_name(source.strip()):
                return normalise(source)
            self.fault(key, str(error))
            return ""
        if reading.doubt:
            self.fault(key, doubtful(reading), "warning")
        return reading.address

    def template(self, key: str, source: str) -> Template:
        """The compiled text; its names are known in every route that lists the rule."""
        try:
            template = templates.parse(source, self.schedules)
        except templates.BadTemplate as error:
            self.fault(key, str(error))
            return Template(())
        if not source.strip():
            self.fault(key, "an empty text sends nothing; for that write: silence = true")
        for name in sorted(template.names - NAMES - self.names):
            self._check_name(key, name)
        self._check_cost(key, source, template.fixed)
        return template

    def schedule(self, key: str, name: str) -> Schedule | None:
        """The schedule of that name."""
        if name not in self.schedules:
            near = difflib.get_close_matches(name, self.schedules, n=1)
            self.fault(key, f'no schedule is called "{name}"' + (f'; did you mean "{near[0]}"?' if near else ""))
        return self.schedules.get(name)

    def _check_name(self, key: str, name: str) -> None:
        lacking = [route for route, known in self.vars.items() if name not in known]
        if self.vars and not lacking:
            return
        known = NAMES | self.names | frozenset().union(*self.vars.values())
        near = difflib.get_close_matches(name, known, n=1)
        where = f" in the vars of route {lacking[0]}" if lacking and name in known else ""
        advice = (
            f"did you mean {{{near[0]}}}?" if near and near[0] != name else f"known here: {', '.join(sorted(known))}"
        )
        self.fault(key, f"{{{name}}} is not known{where}; {advice}")

    def _check_cost(self, key: str, source: str, fixed: str | None) -> None:
        if fixed is not None and (count := units.count(fixed)) > self.max_units:
            self.fault(
                key, f"{count} units, more than [limits] max_units = {self.max_units}: shorten it, or raise that"
            )
        costly = units.costly(source)
        if costly and len(costly) <= len(source) // 10 + 1:  # a text in another script needs them; a stray one does not
            column, character = costly[0]
            what = f"column {column + 1} ({character!r}, U+{ord(character):04X}) is not in GSM-7"
            self.fault(key, f"{what}: each unit holds 70 characters instead of 160", "warning")
