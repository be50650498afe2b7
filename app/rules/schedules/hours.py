"""Opening hours by the wall clock, for dates with and without public holidays.

The library `opening-hours-py` knows the holidays of whole countries only, and cannot be given others. So PH is resolved
here: for each date the library is asked with PH replaced by "every day" or by "no day". The library takes 3 MB, so it
is imported only for configurations with schedules.
"""

import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product
from typing import TYPE_CHECKING

from app.rules.schedules import hints, pitfalls, shifts
from app.rules.schedules.errors import BadSchedule
from app.rules.schedules.public_holidays import PublicHolidays

if TYPE_CHECKING:
    from opening_hours import OpeningHours

_DAY = timedelta(days=1)
_NOTHING = time(*divmod(shifts.NOTHING[0], 60))
_HOLIDAY = re.compile(
    r'"[^"]*"|\b(?P<kind>PH|SH)\b(?P<offset>\s*[+-]\s*\d+\s*days?\b)?(?P<days>\s+(?:Mo|Tu|We|Th|Fr|Sa|Su)\b\S*)?'
)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The parsed hours of all dates that have the same holidays around them."""

    same_day: "OpeningHours"
    next_day: "OpeningHours | None"
    breaks: "OpeningHours | None"


@dataclass(frozen=True, slots=True)
class Hours:
    """The opening hours of one place, by its wall clock."""

    readings: Mapping[tuple[bool, ...], _Reading]  # for each of `offsets`: is a holiday that far away?
    offsets: tuple[int, ...]  # days from a holiday, of each PH: 1 is the day after
    holidays: PublicHolidays

    def is_open(self, wall: datetime) -> bool:
        """Return whether the place is open then, in a shift that began on the same day or on the day before."""
        reading = self._on(wall.date())
        if reading.same_day.is_open(wall):
            return True
        eve = wall - _DAY
        over_midnight = self._on(eve.date()).next_day
        if over_midnight is None or wall.time() >= _NOTHING or not over_midnight.is_open(eve):
            return False
        return reading.breaks is None or not reading.breaks.is_open(wall)

    def changes(self, start: date, days: int) -> Iterator[datetime]:
        """Yield, in order, every time from that day on at which `is_open` may change."""
        return heapq.merge(
            self._changes("same_day", start, days),
            (eve + _DAY for eve in self._changes("next_day", start - _DAY, days)),
            self._changes("breaks", start, days),
        )

    def _changes(self, part: str, start: date, days: int) -> Iterator[datetime]:
        if not any(getattr(reading, part) for reading in self.readings.values()):
            return
        for reading, first, end in self._stretches(start, start + days * _DAY):
            hours: OpeningHours | None = getattr(reading, part)
            if hours is not None:
                begins, ends = datetime.combine(first, time()), datetime.combine(end, time())
                yield from (change for change, *_ in hours.intervals(begins, ends))

    def _stretches(self, start: date, end: date) -> Iterator[tuple[_Reading, date, date]]:
        """Yield the days from start to end, as stretches with the same reading."""
        for day in self._days_of_holidays(start, end):
            if start < day:
                yield self._on(start), start, day
            yield self._on(day), day, day + _DAY
            start = day + _DAY
        if start < end:
            yield self._on(start), start, end

    def _days_of_holidays(self, start: date, end: date) -> Iterator[date]:
        """Yield the days from start to end whose reading depends on a holiday."""
        for year in range(start.year, end.year + 1) if self.offsets else ():
            near = self.holidays.of(year - 1) | self.holidays.of(year) | self.holidays.of(year + 1)
            days = {day + offset * _DAY for day in near for offset in self.offsets}
            yield from sorted(day for day in days if day.year == year and start <= day < end)

    def _on(self, day: date) -> _Reading:
        return self.readings[self._holidays(day)]

    def _holidays(self, day: date) -> tuple[bool, ...]:
        return tuple([day - offset * _DAY in self.holidays for offset in self.offsets])


def has_holidays(hours: str) -> bool:
    """Return whether the hours contain PH."""
    return bool(_offsets(hours, "PH"))


def parse(source: str, holidays: PublicHolidays) -> Hours:
    """Parse the hours in the file. Raises `BadSchedule`."""
    try:
        _parsed(source)
    except _NotUnderstood as error:
        raise BadSchedule("hours", hints.advice(source, str(error)), hints.unread(source, str(error))) from None
    if _offsets(source, "SH"):
        message = "SH: school holidays are not known; write their dates, such as 2026 Jul 04-2026 Aug 31 off"
        raise BadSchedule("hours", message, range(source.index("SH"), source.index("SH") + 2))
    if found := pitfalls.impossible(source):
        raise BadSchedule("hours", *found)
    offsets = tuple(sorted(_offsets(source, "PH")))
    readings = {known: _read(source, dict(zip(offsets, known, strict=True))) for known in _all(len(offsets))}
    return Hours(readings, offsets, holidays)


def _all(count: int) -> Iterator[tuple[bool, ...]]:
    return product((False, True), repeat=count)


def _offsets(hours: str, kind: str) -> set[int]:
    return {_offset(found) for found in _HOLIDAY.finditer(hours) if found["kind"] == kind}


def _offset(found: re.Match[str]) -> int:
    return int("".join(re.findall(r"[+-]|\d", found["offset"] or "0")))


def _read(source: str, holds: Mapping[int, bool]) -> _Reading:
    """Return the hours for dates on which each PH, by its offset, applies or not."""

    def write(found: re.Match[str]) -> str:
        if not found["kind"]:  # a comment
            return found[0]
        if not holds[_offset(found)]:
            return "PH"  # matches no day, because the library is given no country
        return (found["days"] or "Mo-Su").strip()

    try:
        split = shifts.split(str(_parsed(_HOLIDAY.sub(write, source))))
        later = [_parsed(text) if text else None for text in (split.next_day, split.breaks)]
        return _Reading(_parsed(split.same_day), *later)
    except _NotUnderstood:
        message = 'write PH alone, before days ("PH Mo-Fr"), or in a list of days ("Mo-Fr,PH")'
        raise BadSchedule("hours", message) from None


class _NotUnderstood(Exception):
    """An error of the library, whose message gives a position in the text."""


def _parsed(hours: str) -> "OpeningHours":
    """Parse hours with the library. Raises `_NotUnderstood`."""
    from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined] # noqa: PLC0415 - 3 MB

    try:
        return OpeningHours(hours)
    except ParserError as error:
        raise _NotUnderstood(str(error)) from None
