"""Common mistakes in opening hours, and what to write instead."""

import re
import unicodedata
from datetime import date

_DAY = "(Mo|Tu|We|Th|Fr|Sa|Su)"
_MISTAKES = (
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "days have two letters: Mo Tu We Th Fr Sa Su"),
    (r"\d\s*(am|pm)\b", "times have 24 hours: 09:00-17:00, not 9am-5pm"),
    (r"(?<![\d:.h])\d{1,2}\s*-\s*\d{1,2}(?![\d:.h])", "times have minutes: 09:00-18:00, not 9-18"),
    (r"\d\s*h(\d\d|\b)", "times have a colon: 09:00, not 9h"),
    (r"\d\.\d\d", "times have a colon: 09:00, not 09.00"),
    (r"(^|[^-\d:\s])\s*\d{1,2}:\d\d\s*([;,]|$)", "a time needs an end: 09:00-18:00"),
    (r"\d\s*(to|until|till|bis|à)\s*\d", "write - between two times: 09:00-18:00"),
    (rf"\b{_DAY}\s+-|\b{_DAY}\s*-\s+{_DAY}\b", "days have no blanks between them: Mo-Fr"),
    (rf"\b{_DAY}\s*:", "days have no colon: Mo-Fr 09:00-18:00"),
)
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b"),
    re.compile(r"\b(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})\b"),
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUS = "\u2212"


def normalise(hours: str) -> str:
    """Return the hours with "-" for every kind of dash and " " for every kind of blank.

    Word processors insert others. A semicolon at the end, which separates nothing, is left out.
    """
    return "".join(map(_normalise, hours)).rstrip("; ")


def _normalise(character: str) -> str:
    if unicodedata.category(character) == "Pd" or character == _MINUS:
        return "-"
    return " " if character.isspace() else character


def advice(hours: str, error: str) -> str:
    """Return how to correct hours that the library cannot read, from the hours and the library's message."""
    hints, rest = [], hours
    for pattern in _DATES:
        hints += [hint for found in pattern.finditer(rest) if (hint := _date_hint(found))]
        rest = pattern.sub("", rest)
    hints += [hint for pattern, hint in _MISTAKES if re.search(pattern, rest, re.IGNORECASE)]
    rest_of_it = unread(hours, error)
    where = f" from '{hours[rest_of_it.start :]}' on" if rest_of_it else ""
    example = 'like "Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-12:00; PH off"'
    return f"not understood{where}; {'; '.join(hints) if hints else f'write it {example}'}"


def unread(hours: str, error: str) -> range | None:
    """Return the characters of hours that the library could not read, according to its own message."""
    position = re.search(r"--> 1:(\d+)", error)
    start = int(position[1]) - 1 if position else len(hours)
    return range(start, len(hours)) if start < len(hours) else None


def _date_hint(found: re.Match[str]) -> str | None:
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None
    return f"write the date {found[0]} as {day.year} {_MONTHS[day.month - 1]} {day.day:02}"
