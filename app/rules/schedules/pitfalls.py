"""What opening hours say that the library reads, but that cannot be meant. Pure."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r'"[^"]*"')
_MONTHS = tuple(name for name in calendar.month_abbr if name)
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_EXCEPTION = re.compile(rf"(?:PH|easter|\d{{4}}|{'|'.join(_MONTHS)})\b", re.IGNORECASE)
_DATE = re.compile(
    rf"(?:(?<![-,\d])(?P<year>\d{{4}})\s+)?\b(?P<month>{'|'.join(_MONTHS)})\s+(?P<day>\d{{1,2}})(?![\d:])"
    r"(?:\s*-\s*(?P<last>\d{1,2})(?![\d:]))?",
    re.IGNORECASE,
)
_LEAP_YEAR = 2024  # for a date of every year
_SUN = re.compile(r"\b(?:sunrise|sunset|dawn|dusk)\b", re.IGNORECASE)


def impossible(hours: str) -> tuple[str, range] | None:
    """Return the date in these hours that no year has, and where; None if there is none.

    The library takes `Apr 31` for every day of every year.
    """
    for found in _DATE.finditer(_without_comments(hours)):
        month = _MONTHS.index(found["month"].capitalize()) + 1
        last = calendar.monthrange(int(found["year"] or _LEAP_YEAR), month)[1]
        if not all(1 <= int(day) <= last for day in (found["day"], found["last"] or found["day"])):
            return f'"{found[0]}" is no date; {_MONTHS[month - 1]} has {last} days', range(*found.span())
    return None


def position_of_the_sun(hours: str) -> str | None:
    """Return the word for a position of the sun, which the library takes for the same time everywhere and always."""
    found = _SUN.search(_without_comments(hours))
    return found[0] if found else None


def _without_comments(hours: str) -> str:
    return _COMMENT.sub(lambda found: " " * len(found[0]), hours)


def replacements(hours: str) -> Iterator[tuple[str, str]]:
    """Yield each part that replaces whole days of an earlier part, and what is wrong with that.

    In this syntax a later rule replaces an earlier one on the days that it names; a comma adds to it.
    """
    parts = [_Part(text.strip()) for text in hours.split(";")]
    for index, part in enumerate(parts):
        earlier = parts[:index] if part.opens and not part.is_exception else []
        for other in earlier:
            if other.opens and not other.is_exception and part.days & other.days:
                what = "replaces earlier hours of the same days; to add hours, join the parts with a comma"
                yield part.text, f'"{part.text}" {what}'
                break
        for other in earlier:
            if other.is_exception or (not other.opens and other.days <= part.days):
                yield part.text, f'"{part.text}" replaces "{other.text}", which stands before it; write exceptions last'
                break


@dataclass(frozen=True, slots=True)
class _Part:
    """One rule of opening hours."""

    text: str

    @property
    def days(self) -> set[str]:
        """The days of the week that it names."""
        return _days(self.text)

    @property
    def is_exception(self) -> bool:
        """Whether it is about dates or holidays."""
        return bool(_EXCEPTION.match(self.text))

    @property
    def opens(self) -> bool:
        """Whether it has opening times."""
        return bool(re.search(r"\d:\d\d", self.text)) and not self.text.endswith(("off", "closed"))


def _days(part: str) -> set[str]:
    days: set[str] = set()
    for first, last in re.findall(r"\b(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))?\b", part):
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update(_DAYS[start : end + 1] if start <= end else _DAYS[start:] + _DAYS[: end + 1])
    return days or set(_DAYS)
