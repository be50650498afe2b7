"""Opening hours in OpenStreetMap's syntax, by the wall clock of one place.

    Mo-Fr 09:00-12:30,13:30-18:00; Sa 22:00-02:00; PH off; 2026 Dec 24 off

When clocks are put forward, an opening in the hour that does not exist happens at its end. When they are put back, an
hour that comes twice is open both times.

https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import takewhile
from operator import gt
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from app.notation import Doc, Example
from app.rules.schedules import hints, pitfalls, public_holidays, wall_clock
from app.rules.schedules.errors import BadSchedule
from app.rules.schedules.hours import Hours, has_holidays, parse

__all__ = ["MOMENTS", "BadSchedule", "Moment", "Schedule", "ScheduleOptions", "build", "unknown", "warnings"]

Moment = Literal["next_open", "next_close"]
MOMENTS: tuple[Moment, ...] = ("next_open", "next_close")
_DAY = 86400.0  # seconds
HORIZON = 3660  # days to search for the next opening; includes a 29 February. The search blocks the event loop


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """The options of one `[schedules.x]`, for the conditions `open` and `closed` and for texts."""

    timezone: Annotated[
        str, Example("Europe/Paris"), Doc("The IANA time zone of the hours, for example `Europe/Paris`.")
    ]
    hours: Annotated[
        str,
        Example("Mo-Fr 09:00-12:30,13:30-18:00; Sa 22:00-02:00; PH off"),
        Doc("Opening hours in OpenStreetMap's syntax, for example `Mo-Fr 09:00-18:00; PH off`."),
    ]
    country: Annotated[
        str | None,
        Example("FR"),
        Doc("The country, as two letters, whose public holidays are PH; required where hours use PH."),
    ] = None
    region: Annotated[
        str | None, Example("IDF"), Doc("The part of the country, ISO 3166-2 without the country, for example `IDF`.")
    ] = None
    holidays: Annotated[tuple[date, ...], Doc("More days that count as PH, for example `2026-12-24`.")] = ()
    weekdays: Annotated[
        tuple[str, ...],
        Example(["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]),
        Doc("Names of the days for %A and %a in texts, Monday first. Default: English ones."),
    ] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """The opening hours of one place."""

    name: str
    hours: Hours
    zone: ZoneInfo
    weekdays: tuple[str, ...] = ()
    _outlooks: list["_Outlook"] = field(default_factory=list, compare=False, repr=False)  # the latest one

    def is_open(self, at: float) -> bool:
        """Return whether it is open at that time (seconds since the epoch)."""
        return self.hours.is_open(self._local(at).replace(tzinfo=None))

    def next(self, moment: Moment, at: float) -> datetime | None:
        """Return when it opens or closes next after `at`, or None if never."""
        if not self._outlooks or not self._outlooks[0].since <= at < self._outlooks[0].until:
            self._outlooks[:] = [self._look_ahead(at)]
        outlook = self._outlooks[0]
        return outlook.opens if moment == "next_open" else outlook.closes

    def write(self, moment: datetime, form: str) -> str:
        """Return the moment in a strftime format, with the configured names of weekdays."""
        if self.weekdays:
            day = self.weekdays[moment.weekday()].replace("%", "%%")
            form = re.sub(r"%([Aa%])", lambda found: {"A": day, "a": day[:3], "%": "%%"}[found[1]], form)
        return moment.strftime(form)

    def days(self, at: float, count: int) -> Iterator[tuple[date, list[tuple[datetime, datetime]]]]:
        """Return when it is open on each of the next days, including that of `at`. Each opening ends at midnight at the
        latest.
        """
        first = self._local(at).date()
        for day in (first + timedelta(days=number) for number in range(count)):
            start, end = (
                datetime.combine(one, time(), self.zone).timestamp() for one in (day, day + timedelta(days=1))
            )
            turns = takewhile(partial(gt, self._local(end)), self._turns(start))
            edges = [*([self._local(start)] if self.is_open(start) else []), *turns, self._local(end)]
            yield day, list(zip(edges[::2], edges[1::2], strict=False))

    def _look_ahead(self, at: float) -> "_Outlook":
        turns = self._turns(at)
        first, second = next(turns, None), next(turns, None)
        opens, closes = (second, first) if self.is_open(at) else (first, second)
        return _Outlook(at, first.timestamp() if first else at + _DAY, opens, closes)

    def _turns(self, at: float) -> Iterator[datetime]:
        """Yield the times after `at` at which it opens or closes, in order."""
        state = self.is_open(at)
        start = self._local(at).date() - timedelta(days=1)  # a clock that is put back shows earlier times again
        for moment in wall_clock.moments(self.hours.changes(start, HORIZON), self.zone):
            if moment > at and self.is_open(moment) is not state:
                state = not state
                yield self._local(moment)

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self.zone)


@dataclass(frozen=True, slots=True)
class _Outlook:
    """The next opening and closing, kept while they are valid, because a search costs as much as a whole message."""

    since: float
    until: float
    opens: datetime | None
    closes: datetime | None


def _zone_advice(zone: str) -> str:
    """Return the name that a wrong one may have meant, by its spelling or by its city, or else an example."""
    zones = {name.casefold(): name for name in sorted(available_timezones())}
    wanted = zone.strip().casefold().replace(" ", "_")
    of_city = [name for name in zones if wanted and name.endswith(f"/{wanted}")]
    near = [*of_city, *difflib.get_close_matches(wanted, zones, n=1, cutoff=0.7)]
    return f'did you mean "{zones[near[0]]}"?' if near else 'write an IANA name, for example "Europe/Paris"'


def build(name: str, options: ScheduleOptions) -> Schedule:
    """Build a schedule. Raises `BadSchedule`."""
    try:
        zone = ZoneInfo(options.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule("timezone", f"no such time zone; {_zone_advice(options.timezone)}") from None
    if len(options.weekdays) not in (0, 7):
        raise BadSchedule("weekdays", "not seven names; write all seven days, Monday first")
    hours = hints.normalise(options.hours)
    if not has_holidays(hours):
        return Schedule(name, parse(hours, public_holidays.NONE), zone, options.weekdays)
    if not options.country and not options.holidays:
        raise BadSchedule("country", 'required where hours use PH; name the country, such as country = "FR"')
    holidays = public_holidays.find(options.country, options.region, options.holidays)
    return Schedule(name, parse(hours, holidays), zone, options.weekdays)


def unknown(name: str) -> Schedule:
    """Return a stand-in for a schedule that could not be read."""
    return Schedule(name, parse("24/7", public_holidays.NONE), ZoneInfo("UTC"))


def warnings(options: ScheduleOptions) -> Iterator[tuple[str, str]]:
    """Yield what is probably not meant in valid options: the key, and what to do about it."""
    hours = hints.normalise(options.hours)
    for _, message in pitfalls.replacements(hours):
        yield "hours", message
    if word := pitfalls.position_of_the_sun(hours):
        yield "hours", f'"{word}" is the same time every day, for no place is known; write a time, such as 19:00'
    if not has_holidays(hours):
        for key in ("region", "holidays"):
            if getattr(options, key):
                yield key, "has no effect: hours do not use PH (public holidays); add for example: PH off"
    elif options.country and not options.region:
        regions = public_holidays.regions_that_differ(options.country, datetime.now(UTC).year)
        if regions:
            known = ", ".join(f'"{region}"' for region in regions)
            yield (
                "country",
                f"PH means only the days that all parts of {options.country} share; add region = one of {known}",
            )
