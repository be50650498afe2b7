"""Templates: texts with `{names}`. Only the configuration contains templates; what a person texts is always a value.

    {from} {shop} {number}             a name: looked up, never evaluated
    {office.next_open:%A %H:%M|later}  when a schedule opens or closes next; after "|" the words for never
    {{ }}                              braces

Values have no attributes, indexes or formats, so no text can reach into the service's data.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rules.schedules import MOMENTS, Moment, Schedule

NEVER = "later"  # the words for a moment that never comes, unless the template has its own

_parse = string.Formatter().parse


class BadTemplate(ValueError):
    """A template that cannot be parsed. The message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Name:
    """A placeholder for a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Time:
    """A placeholder for the next opening or closing of a schedule."""

    schedule: Schedule
    moment: Moment
    form: str
    never: str

    def write(self, at: float) -> str:
        """Return the moment in the template's format, or the words for never."""
        moment = self.schedule.next(self.moment, at)
        return self.never if moment is None else self.schedule.write(moment, self.form)


@dataclass(frozen=True, slots=True)
class Template:
    """Literals and placeholders, in order. `fixed` is the text if there are no placeholders, else None."""

    parts: tuple[str | Name | Time, ...]
    fixed: str | None = field(init=False)

    def __post_init__(self) -> None:
        literals = [part for part in self.parts if isinstance(part, str)]
        object.__setattr__(self, "fixed", "".join(literals) if len(literals) == len(self.parts) else None)

    @property
    def names(self) -> frozenset[str]:
        """The names of the values that it needs."""
        return frozenset(part.name for part in self.parts if isinstance(part, Name))

    def render(self, values: Mapping[str, str], at: float) -> str:
        """Return the text. Every name must be in `values`; this is checked at load."""
        return "".join([_write(part, values, at) for part in self.parts])


def _write(part: str | Name | Time, values: Mapping[str, str], at: float) -> str:
    match part:
        case str():
            return part
        case Name(name):
            return values[name]
        case Time():
            return part.write(at)


def parse(source: str, schedules: Mapping[str, Schedule]) -> Template:
    """Parse a template. Raises `BadTemplate`."""
    try:
        fields = list(_parse(source))
    except ValueError as error:
        message = f"{error}; a brace that is meant as such is written twice: {{{{ or }}}}"
        raise BadTemplate(message) from None
    parts: list[str | Name | Time] = []
    for literal, name, form, conversion in fields:
        parts += [literal] if literal else []
        parts += [_place(name, form or "", conversion, schedules)] if name is not None else []
    return Template(tuple(parts))


def _place(name: str, form: str, conversion: str | None, schedules: Mapping[str, Schedule]) -> Name | Time:
    owner, dot, moment = name.partition(".")
    if dot and not conversion and owner in schedules and moment in MOMENTS:
        return _time(schedules[owner], moment, form)
    if dot and moment in MOMENTS:
        message = f"{{{name}}}: there is no schedule called {owner!r}"
        raise BadTemplate(message)
    if not name.isidentifier() or form or conversion:
        message = f"{{{name}}} is not a plain name; a brace that is meant as such is written twice: {{{{ or }}}}"
        raise BadTemplate(message)
    return Name(name)


def _time(schedule: Schedule, moment: Moment, form: str) -> Time:
    written, bar, never = form.partition("|")
    if "%" not in written:
        message = f"{{{schedule.name}.{moment}}} needs a format, as {{{schedule.name}.{moment}:%H:%M}}"
        raise BadTemplate(message)
    return Time(schedule, moment, written, never if bar else NEVER)
