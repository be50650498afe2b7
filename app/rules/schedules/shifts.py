"""Split hours over midnight into hours of the same day and of the next. A shift belongs to the day on which it begins.

OpenStreetMap's rules apply by date. So the library closes the first half of a night because the evening's date is off,
but opens the second half because the morning's date is not. After the split, both parts are asked about the date on
which the shift begins:

    Mo-Su 22:00-06:00; Dec 31 off    same day   Mo-Su 22:00-24:00; Dec 31 closed
                                     next day   Mo-Su 00:00-06:00; Dec 31 closed

https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.rules.schedules.errors import BadSchedule

MIDNIGHT = 24 * 60  # minutes
NOTHING = (MIDNIGHT - 1, MIDNIGHT)  # no hours on the next day; a rule needs some to replace earlier rules

_EVENTS = {"dawn": 6 * 60, "sunrise": 7 * 60, "sunset": 19 * 60, "dusk": 20 * 60}  # the library's, without coordinates

_TIME = rf"(?:\d\d:\d\d|(?:{'|'.join(_EVENTS)})|\((?:{'|'.join(_EVENTS)})[+-]\d\d:\d\d\))"
_SPAN = rf"{_TIME}(?:-{_TIME})?\+?(?:/\d\d:\d\d)?"
_rule = re.compile(rf"(?P<days>.*?) ?(?P<spans>{_SPAN}(?:,{_SPAN})*)?(?P<kind>(?:(?: |^)(?:closed|unknown))?)")
_span = re.compile(rf"({_TIME})(?:-({_TIME}))?\+?(?:/\d\d:\d\d)?")
_time = re.compile(r"\(?([a-z]*)([+-]?)(?:(\d\d):(\d\d))?\)?")
_comment = re.compile(r' ?"[^"]*"')
_separator = re.compile(r"(; | \|\| |, )")

Span = tuple[int, int]  # minutes since midnight; beyond 24:00 on the next day


@dataclass(frozen=True, slots=True)
class Shifts:
    """Hours in OpenStreetMap's syntax, split so that none cross midnight."""

    same_day: str
    next_day: str | None = None  # what continues after midnight, for the date on which it began
    breaks: str | None = None  # times at which it is closed, whatever shift they fall into


@dataclass(frozen=True, slots=True)
class _Rule:
    separator: str
    days: str
    spans: tuple[Span, ...]
    kind: str

    def write(self, spans: tuple[Span, ...]) -> str:
        times = ",".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans)
        return " ".join(filter(None, (self.days, times))) + self.kind

    def same_day(self) -> str:
        return self.separator + self.write(tuple((start, min(end, MIDNIGHT)) for start, end in self.spans))

    def next_day(self) -> str:
        spans = tuple((0, end - MIDNIGHT) for _, end in self.spans if end > MIDNIGHT)
        whole_day = not self.spans and self.kind
        return self.separator + self.write(() if whole_day else spans or (NOTHING,))


def split(hours: str) -> Shifts:
    """Split hours, as the library writes them, at midnight. Raises `BadSchedule`."""
    rules = list(_rules(_comment.sub("", hours)))
    if not any(end > MIDNIGHT for rule in rules for _, end in rule.spans):
        return Shifts(hours)
    closed = [_Rule("", rule.days, rule.spans, "") for rule in rules if rule.spans and rule.kind == " closed"]
    return Shifts(
        "".join(rule.same_day() for rule in rules),
        "".join(rule.next_day() for rule in rules),
        ", ".join(rule.same_day() for rule in closed) or None,
    )


def _rules(hours: str) -> Iterator[_Rule]:
    parts = ["", *_separator.split(hours)]
    for separator, text in zip(parts[::2], parts[1::2], strict=True):
        found = _rule.fullmatch("00:00-24:00" if text == "24/7" else text)
        if not found:
            message = f"{text!r} cannot be combined with hours over midnight; write it as two schedules"
            raise BadSchedule("hours", message)
        spans = tuple(_read(start, end) for start, end in _span.findall(found["spans"] or ""))
        yield _Rule(separator, found["days"], spans, found["kind"])


def _read(start: str, end: str) -> Span:
    begins = _minutes(start)
    ends = _minutes(end) if end else MIDNIGHT  # "22:00+"
    ends += MIDNIGHT if ends <= begins else 0
    if ends - begins > MIDNIGHT:
        advice = "write the hours of each day, for example Sa 10:00-24:00; Su 00:00-24:00"
        message = f"{start}-{end} is longer than a day; {advice}"
        raise BadSchedule("hours", message)
    return begins, ends


def _minutes(time: str) -> int:
    event, sign, hours, minutes = _time.fullmatch(time).groups()  # type: ignore[union-attr] # _TIME is narrower
    offset = int(hours or 0) * 60 + int(minutes or 0)
    return _EVENTS.get(event, 0) + (-offset if sign == "-" else offset)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
