"""Templates: texts with `{names}`. Only the configuration contains templates; what a person texts is always a value.

    {from} {shop} {number}             a name: looked up, never evaluated
    {office.next_open:%A %H:%M|later}  when a schedule opens or closes next; after "|" the words for never
    {{ }}                              braces

Values have no attributes, indexes or formats, so no text can reach into the service's data.
"""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rules.schedules import MOMENTS, Moment, Schedule

NEVER = "later"  # the words for a moment that never comes, unless the template has its own

_BRACE = "write a literal brace twice: {{ or }}"
_parse = string.Formatter().parse


class BadTemplate(ValueError):
    """A template that cannot be parsed. The message says what is wrong, `at` which characters."""

    def __init__(self, message: str, at: range) -> None:
        self.at = at
        super().__init__(message)


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
    except ValueError:
        at = _stray_brace(source)
        what = "a } that closes nothing" if source[at.start] == "}" else "a { that nothing closes"
        raise BadTemplate(f"{what}; {_BRACE}", at) from None
    parts: list[str | Name | Time] = []
    for literal, name, form, conversion in fields:
        parts += [literal] if literal else []
        parts += [_place(source, name, form or "", conversion, schedules)] if name is not None else []
    return Template(tuple(parts))


def place_of(name: str, source: str) -> range:
    """Return where `{name}` is in a text."""
    start = max(re.sub(r"\{\{|\}\}", "  ", source).find(f"{{{name}"), 0)
    end = source.find("}", start)
    return range(start, end + 1 if end >= 0 else len(source))


def _stray_brace(source: str) -> range:
    """Return the place of a brace without a partner, or of what it opens."""
    plain = re.sub(r"\{\{|\}\}", "  ", source)
    plain = re.sub(r"\{[^{}]*\}", lambda found: " " * len(found[0]), plain)
    found = re.search(r"[{}]", plain)
    start = found.start() if found else 0
    return range(start, start + 1)


def _place(source: str, name: str, form: str, conversion: str | None, schedules: Mapping[str, Schedule]) -> Name | Time:
    owner, dot, moment = name.partition(".")
    at = place_of(name, source)
    if dot and not conversion and owner in schedules and moment in MOMENTS:
        return _time(schedules[owner], moment, form, at)
    if dot and owner in schedules:
        what = f"{moment}!{conversion}" if conversion else moment
        raise BadTemplate(f'a schedule has no "{what}"; write {{{owner}.next_open:%H:%M}} or next_close', at)
    if dot and moment in MOMENTS:
        raise BadTemplate(f'no schedule is called "{owner}"; write [schedules.{owner}]', at)
    if not name.isidentifier() or form or conversion:
        raise BadTemplate(f"{{{name}}} is not a plain name; {_BRACE}", at)
    return Name(name)


def _time(schedule: Schedule, moment: Moment, form: str, at: range) -> Time:
    written, bar, never = form.partition("|")
    if "%" not in written:
        example = f"{{{schedule.name}.{moment}:%H:%M}}"
        raise BadTemplate(f"{{{schedule.name}.{moment}}} needs a format; write it as {example}", at)
    return Time(schedule, moment, written, never if bar else NEVER)
