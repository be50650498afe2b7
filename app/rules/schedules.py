"""Opening hours in OpenStreetMap's syntax, by the wall clock of one place.

    Mo-Fr 09:00-12:30,13:30-18:00; Sa 22:00-02:00; PH off; 2026 Dec 24 off

When clocks are put forward, an opening in the hour that does not exist happens at its end; when they
are put back, an hour that happens twice is open both times.
https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opening_hours import OpeningHours, ParserError, State, UnknownCountryError  # type: ignore[attr-defined] # its stubs lack the errors

Moment = Literal["next_open", "next_close"]
MOMENTS: tuple[Moment, ...] = ("next_open", "next_close")
HORIZON = timedelta(days=3660)  # of the search for what comes next, which holds the loop: 29 February is within it

_MISTAKES = (
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "days have two letters: Mo Tu We Th Fr Sa Su"),
    (r"\d\s*(am|pm)\b", "times have 24 hours: 09:00-17:00, not 9am-5pm"),
    (r"(?<![\d:.])\d{1,2}\s*-\s*\d{1,2}(?![\d:.])", "times have minutes: 09:00-18:00, not 9-18"),
    (r"\d\.\d\d", "times have a colon: 09:00, not 09.00"),
    (r"(^|[^-\d:\s])\s*\d{1,2}:\d\d\s*([;,]|$)", "a time needs an end: 09:00-18:00"),
)


class BadSchedule(ValueError):
    """The message says what to write instead. `key` is the option that it belongs to."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """One `[schedules.x]`."""

    timezone: str
    hours: str
    country: str | None = None
    weekdays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a place is open."""

    name: str
    hours: OpeningHours
    zone: ZoneInfo
    weekdays: tuple[str, ...] = ()

    def is_open(self, at: float) -> bool:
        """Whether it is open at that time (seconds since the epoch)."""
        return self.hours.is_open(self._local(at))

    def next(self, moment: Moment, at: float) -> datetime | None:
        """When it opens, or closes, next after `at`; None if never."""
        wanted = State.OPEN if moment == "next_open" else State.CLOSED
        now = self._local(at)
        before = wanted  # the state that holds now began before
        for start, _end, state, _comments in self.hours.intervals(now, now + HORIZON):
            if state == wanted and before != wanted:
                return start
            before = state
        return None

    def write(self, moment: datetime, form: str) -> str:
        """The moment by a strftime format, its weekdays in the words of the file."""
        if self.weekdays:
            day = self.weekdays[moment.weekday()].replace("%", "%%")
            form = re.sub(r"%([Aa%])", lambda found: {"A": day, "a": day[:3], "%": "%%"}[found[1]], form)
        return moment.strftime(form)

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self.zone)


def build(name: str, options: ScheduleOptions) -> Schedule:
    """Raises `BadSchedule`."""
    try:
        zone = ZoneInfo(options.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule("timezone", 'no such time zone; write one of the IANA names, as "Europe/Paris"') from None
    if re.search(r"\b(PH|SH)\b", options.hours) and not options.country:
        raise BadSchedule("country", 'required where PH is used: whose public holidays? country = "FR"')
    if len(options.weekdays) not in (0, 7):
        raise BadSchedule("weekdays", "name seven days, Monday first")
    try:
        hours = OpeningHours(options.hours, timezone=zone, country=options.country)
    except UnknownCountryError:
        raise BadSchedule("country", 'no holidays are known for it; write a country as "US" or "FR"') from None
    except ParserError as error:
        raise BadSchedule("hours", _help(options.hours, str(error))) from None
    return Schedule(name, hours, zone, options.weekdays)


def overridden(hours: str) -> list[str]:
    """The parts that take whole days away from earlier parts, though both have opening times.

    In this syntax a later rule replaces an earlier one on the days it names; a comma adds to it.
    """
    parts = [part.strip() for part in hours.split(";")]
    seen: set[str] = set()
    found = []
    for part in parts:
        days = _days(part)
        opens = bool(re.search(r"\d:\d\d", part)) and not part.endswith(("off", "closed"))
        if opens and not re.match(r"(PH|SH|\d{4}|[A-Z][a-z]{2}\b)", part):
            found += [part] if days & seen else []
            seen |= days
    return found


_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def _days(part: str) -> set[str]:
    days: set[str] = set()
    for first, last in re.findall(r"\b(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))?\b", part):
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update(_DAYS[start : end + 1] if start <= end else _DAYS[start:] + _DAYS[: end + 1])
    return days or set(_DAYS)


def _help(hours: str, error: str) -> str:
    hints = [hint for pattern, hint in _MISTAKES if re.search(pattern, hours, re.IGNORECASE)]
    position = re.search(r"--> 1:(\d+)", error)
    rest = hours[int(position[1]) - 1 :] if position else ""
    where = f" from {rest!r} on" if rest else ""
    example = 'as "Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-12:00; PH off"'
    return f"not understood{where}: {'; '.join(hints) if hints else f'write it {example}'}"
