"""Opening hours by the wall clock of one place; expectations are read off a calendar."""

import subprocess
import sys
import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import compiler

from app.rules.conditions import ConditionOptions
from app.rules.kinds import text
from app.rules.outcome import Answers, Passes
from app.rules.schedules import BadSchedule, Schedule, ScheduleOptions, build
from app.rules.schedules.pitfalls import replacements
from app.rules.templates import BadTemplate, parse

PARIS, NEW_YORK = "Europe/Paris", "America/New_York"
OFFICE = "Mo-Fr 09:00-12:30,13:30-18:00; Sa 22:00-02:00; PH off; 2026 Dec 24 off"
XMAS_EVE = date(2026, 12, 24)
GERMAN = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")


def _schedule(hours: str, zone: str = PARIS, country: str | None = None, weekdays: tuple[str, ...] = ()) -> Schedule:
    return build("office", ScheduleOptions(zone, hours, country, weekdays=weekdays))


def _at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_open", "opens", "closes"),
    [
        ("2026-03-02T08:59:59+01:00", False, "2026-03-02T09:00:00+01:00", "2026-03-02T12:30:00+01:00"),
        ("2026-03-02T09:00:00+01:00", True, "2026-03-02T13:30:00+01:00", "2026-03-02T12:30:00+01:00"),
        ("2026-03-02T12:29:59+01:00", True, "2026-03-02T13:30:00+01:00", "2026-03-02T12:30:00+01:00"),
        ("2026-03-02T12:30:00+01:00", False, "2026-03-02T13:30:00+01:00", "2026-03-02T18:00:00+01:00"),
        ("2026-03-06T18:00:00+01:00", False, "2026-03-07T22:00:00+01:00", "2026-03-08T02:00:00+01:00"),
        # over midnight: Saturday's night is open on Sunday morning
        ("2026-03-07T23:00:00+01:00", True, "2026-03-09T09:00:00+01:00", "2026-03-08T02:00:00+01:00"),
        ("2026-03-08T01:59:59+01:00", True, "2026-03-09T09:00:00+01:00", "2026-03-08T02:00:00+01:00"),
        ("2026-03-08T02:00:00+01:00", False, "2026-03-09T09:00:00+01:00", "2026-03-09T12:30:00+01:00"),
        # Easter Monday and 1 May, a Friday, are public holidays in France
        ("2026-04-06T10:00:00+02:00", False, "2026-04-07T09:00:00+02:00", "2026-04-07T12:30:00+02:00"),
        ("2026-05-01T10:00:00+02:00", False, "2026-05-02T22:00:00+02:00", "2026-05-03T02:00:00+02:00"),
        # 24 December by its date, in that year only; 25 December is a holiday
        ("2026-12-24T10:00:00+01:00", False, "2026-12-26T22:00:00+01:00", "2026-12-27T02:00:00+01:00"),
        ("2027-12-24T10:00:00+01:00", True, "2027-12-24T13:30:00+01:00", "2027-12-24T12:30:00+01:00"),
    ],
)
def test_office(moment: str, opens: str, closes: str, *, is_open: bool) -> None:
    """Open and closed, lunch, a night over midnight, public holidays, a date of its own."""
    schedule = _schedule(OFFICE, country="FR")
    assert schedule.is_open(_at(moment)) is is_open
    found = [schedule.next(wanted, _at(moment)) for wanted in ("next_open", "next_close")]
    assert [one.isoformat() for one in found if one] == [opens, closes]


def test_holidays_are_of_the_country() -> None:
    """1 May is none in the United States; 4 July is none in France."""
    hours = "Mo-Su 09:00-18:00; PH off"
    assert _schedule(hours, country="US").is_open(_at("2026-05-01T10:00:00+02:00"))
    assert not _schedule(hours, country="FR").is_open(_at("2026-05-01T10:00:00+02:00"))
    assert not _schedule(hours, NEW_YORK, "US").is_open(_at("2026-12-25T10:00:00-05:00"))


def test_hour_is_of_the_place() -> None:
    """The same moment is open in Paris and closed in New York."""
    moment = _at("2026-03-02T10:00:00+00:00")
    assert _schedule("Mo-Fr 09:00-18:00").is_open(moment)
    assert not _schedule("Mo-Fr 09:00-18:00", NEW_YORK).is_open(moment)


@pytest.mark.parametrize(
    ("country", "region", "closed", "open_days"),
    [
        ("GB", "ENG", ["2026-04-03", "2026-04-06", "2026-08-31", "2026-12-25"], ["2026-08-03", "2026-11-30"]),
        ("GB", "SCT", ["2026-04-03", "2026-08-03", "2026-11-30", "2026-12-25"], ["2026-04-06", "2026-08-31"]),
        ("GB", None, ["2026-04-03", "2026-12-25"], ["2026-04-06", "2026-08-31", "2026-11-30"]),
        ("DE", "BY", ["2026-01-06", "2026-10-03", "2026-06-04"], ["2026-10-30", "2026-06-05"]),
        ("DE", "BE", ["2026-03-08", "2026-10-03"], ["2026-01-06", "2026-06-04"]),
        ("IN", None, ["2026-01-26", "2026-08-15", "2026-10-02"], ["2026-01-27"]),
        ("IN", "KL", ["2026-01-26"], ["2026-01-27"]),
        ("FR", "57", ["2026-04-03", "2026-12-26"], ["2026-04-02"]),
        ("FR", "IDF", ["2026-05-01", "2026-07-14"], ["2026-04-03", "2026-12-26"]),
        ("US", None, ["2026-11-26", "2026-07-03"], ["2026-11-27"]),
        ("CA", "QC", ["2026-06-24", "2026-07-01"], ["2026-08-03"]),
        ("CA", "BC", ["2026-08-03", "2026-07-01"], ["2026-06-24"]),
    ],
)
def test_regions_have_holidays_of_their_own(
    country: str, region: str | None, closed: list[str], open_days: list[str]
) -> None:
    """Days as official calendars print them, with those of the part of the country and without those of others."""
    options = ScheduleOptions("UTC", "Mo-Su 09:00-17:00; PH off", country, region=region)
    schedule = build("office", options)
    assert [day for day in closed + open_days if not schedule.is_open(_at(f"{day}T10:00:00+00:00"))] == closed


def test_a_bank_holiday_of_england() -> None:
    """Easter Monday and the summer bank holiday of 2026: closed, and back the next day at nine."""
    options = ScheduleOptions("Europe/London", "Mo-Fr 09:00-17:00; PH off", "GB", region="ENG")
    schedule = build("office", options)
    for moment, opens in (
        ("2026-04-06T10:00:00+01:00", "2026-04-07T09:00:00+01:00"),
        ("2026-08-31T10:00:00+01:00", "2026-09-01T09:00:00+01:00"),
    ):
        found = schedule.next("next_open", _at(moment))
        assert (schedule.is_open(_at(moment)), found and found.isoformat()) == (False, opens)


def test_days_of_ones_own_are_holidays() -> None:
    """`holidays` adds to those of the country, and needs none."""
    hours = "Mo-Fr 09:00-17:00; PH 10:00-12:00"
    for country in ("FR", None):
        schedule = build("office", ScheduleOptions("UTC", hours, country, holidays=(XMAS_EVE,)))
        times = ["2026-12-24T09:30", "2026-12-24T11:00", "2026-12-24T13:00", "2026-12-23T13:00", "2026-12-25T13:00"]
        found = [schedule.is_open(_at(f"{moment}:00+00:00")) for moment in times]
        assert found == [False, True, False, True, country is None]


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        # 2026: 1 May is a Friday, 2 May a Saturday, 14 May a Thursday, 25 May a Monday
        ("PH off", {}),
        ("Mo-Fr 09:00-17:00; PH off", {"2026-04-30": True, "2026-05-01": False, "2026-05-04": True}),
        ("Sa,PH 09:00-17:00", {"2026-04-30": False, "2026-05-01": True, "2026-05-02": True}),
        ("PH,Sa 09:00-17:00", {"2026-04-30": False, "2026-05-01": True, "2026-05-02": True}),
        ("PH Fr 09:00-17:00", {"2026-05-01": True, "2026-05-08": True, "2026-05-14": False, "2026-05-15": False}),
        ("Mo-Fr 09:00-17:00; PH +1 day off", {"2026-05-01": True, "2026-05-15": False, "2026-05-26": False}),
        ("Mo-Fr 09:00-17:00; PH -1 day off", {"2026-04-30": False, "2026-05-01": True, "2026-05-13": False}),
        ("Mo-Su 09:00-17:00; PH,PH +1 day off", {"2026-05-01": False, "2026-05-02": False, "2026-05-03": True}),
        ("Mo-Fr 09:00-17:00; May PH off", {"2026-05-01": False, "2026-07-14": True}),
        ('Mo-Fr 09:00-17:00 "not on PH"', {"2026-05-01": True}),
        ('PH off "PH"; Mo-Fr 09:00-17:00', {"2026-05-01": True, "2026-05-02": False}),
    ],
)
def test_ways_to_write_holidays(hours: str, is_open: dict[str, bool]) -> None:
    """PH alone, among days, before days, shifted, in months; a comment is none."""
    schedule = _schedule(hours, "UTC", "FR")
    assert {day: schedule.is_open(_at(f"{day}T10:00:00+00:00")) for day in is_open} == is_open


def test_holidays_are_imported_only_where_they_are_asked_for() -> None:
    """The package is large; a schedule without PH does not load it, whatever its country."""
    code = """
import sys
from app.rules.schedules import ScheduleOptions, build
build("x", ScheduleOptions("UTC", "Mo-Fr 09:00-17:00", "FR"))
print("holidays" in sys.modules)
build("x", ScheduleOptions("UTC", "PH off", "FR")).is_open(0)
print("holidays" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "True"]


# Shifts over midnight


@pytest.mark.parametrize(
    ("hours", "opened"),
    [
        (
            "Mo-Su 22:00-06:00; Dec 31 off",
            {"30T23": True, "31T01": True, "31T23": False, "01T01": False, "01T23": True},
        ),
        ("Mo-Su 22:00-06:00; PH off", {"31T23": True, "01T01": True, "01T23": False, "02T01": False, "02T23": True}),
        ("Th 22:00-06:00", {"31T23": True, "01T01": True, "01T23": False, "02T01": False}),
        ("Mo-Su 22:00-06:00; Dec 31 20:00-21:00", {"31T01": True, "31T20": True, "31T23": False, "01T01": False}),
        ("Mo-Su 22:00-06:00; Dec 31 20:00-04:00", {"31T05": True, "31T20": True, "01T01": True, "01T05": False}),
        ("Mo-Su 22:00-30:00; Dec 31 off", {"31T01": True, "31T23": False, "01T01": False}),
        ("Mo-Su 20:00-02:00,03:00-05:00; Dec 31 off", {"31T01": True, "31T03": False, "01T01": False, "01T03": True}),
        ("Mo-Su 08:00-10:00, Th 22:00-04:00", {"31T23": True, "01T03": True, "01T09": True, "01T23": False}),
        ("24/7; Dec 31 off, Fr 22:00-02:00", {"31T01": False, "01T00": True, "01T23": True}),
        ("Mo-Su sunset-sunrise; Dec 31 off", {"30T20": True, "31T06": True, "31T20": False, "01T06": False}),
        ("Mo-Su (sunset+01:00)-(sunrise-01:00); Dec 31 off", {"31T05": True, "31T06": False, "01T05": False}),
        ('Mo-Su 22:00-06:00 "ring, twice"; Dec 31 off "closed"', {"31T01": True, "31T23": False, "01T01": False}),
        ("Mo-Su 22:00-22:00; Dec 31 off", {"31T21": True, "31T23": False, "01T21": False, "01T23": True}),
        # hours that are closed by their times are closed in every shift
        ("Mo-Su 22:00-06:00; Fr 02:00-04:00 off", {"01T01": True, "01T03": False, "01T05": True, "02T03": True}),
        ("Mo-Su 18:00-06:00; Th 23:00-01:00 off", {"31T22": True, "31T23": False, "01T00": False, "01T01": True}),
        ("Th 22:00-02:00 unknown; Fr 08:00-10:00", {"31T23": False, "01T01": False, "01T09": True}),
        ("Th 10:00-12:00 || Mo-Su 22:00-02:00", {"31T01": True, "31T11": True, "31T23": False, "01T01": False}),
    ],
)
def test_a_shift_belongs_to_the_day_on_which_it_begins(hours: str, opened: dict[str, bool]) -> None:
    """Around the night of Thursday, 31 December 2026: what is said of a day holds for its shifts, to their end."""
    schedule = _schedule(hours, "UTC", "FR")
    months = {"30": "2026-12", "31": "2026-12", "01": "2027-01", "02": "2027-01"}
    assert {one: schedule.is_open(_at(f"{months[one[:2]]}-{one}:00:00+00:00")) for one in opened} == opened


def test_no_shift_begins_at_midnight_because_its_evening_was_off() -> None:
    """In the evening that is off, and in the morning behind it, the next opening is the next evening."""
    schedule = _schedule("Mo-Su 22:00-06:00; Dec 31 off", "UTC")
    for moment in ("2026-12-31T23:00:00+00:00", "2027-01-01T01:00:00+00:00"):
        assert not schedule.is_open(_at(moment))
        assert schedule.next("next_open", _at(moment)) == datetime(2027, 1, 1, 22, tzinfo=UTC)
    assert schedule.next("next_close", _at("2026-12-30T23:00:00+00:00")) == datetime(2026, 12, 31, 6, tzinfo=UTC)


@given(
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 24 * 60),
    st.sets(st.integers(1, 20), max_size=8),
    st.integers(0, 20 * 96),
)
def test_shifts_are_open_from_their_beginning_to_their_end(
    start: int, length: int, off: set[int], quarter: int
) -> None:
    """Any shift, any days off: open if and only if a shift of a day that is not off has begun and not ended."""
    end = start + length
    days = "".join(f"; 2026 May {day:02} off" for day in sorted(off))
    schedule = _schedule(f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}{days}", "UTC")
    minute = quarter * 15
    shifts = [day * 1440 + start for day in range(-1, 21) if day + 1 not in off]
    first = _at("2026-05-01T00:00:00+00:00")
    assert schedule.is_open(first + minute * 60) is any(shift <= minute < shift + length for shift in shifts)


@pytest.mark.parametrize(
    ("hours", "country", "moment", "is_open", "opens"),
    [
        ("Mo-Fr 18:00-00:00", None, "2026-03-06T23:59:59+01:00", True, "2026-03-09T18:00:00+01:00"),
        ("Mo-Fr 18:00-00:00", None, "2026-03-07T00:00:00+01:00", False, "2026-03-09T18:00:00+01:00"),
        ("Mo-Su 22:00-02:30", None, "2026-03-07T02:29:59+01:00", True, "2026-03-07T22:00:00+01:00"),
        ("Mo-Su 22:00-02:30", None, "2026-03-07T02:30:00+01:00", False, "2026-03-07T22:00:00+01:00"),
        (
            "Mo-Fr 09:00-13:00, Mo,Th 14:00-18:00, Tu,We,Fr 14:00-16:00; PH off",
            "DE",
            "2019-12-25T10:00:00+01:00",
            False,
            "2019-12-27T09:00:00+01:00",
        ),
        ("Mo-Fr 08:30-17:00; Dec 24 08:30-12:00", None, "2026-12-24T11:00:00+01:00", True, "2026-12-25T08:30:00+01:00"),
        (
            "Mo-Fr 08:30-17:00; Dec 24 08:30-12:00",
            None,
            "2026-12-24T13:00:00+01:00",
            False,
            "2026-12-25T08:30:00+01:00",
        ),
        (
            "Tu-Th,Su 12:00-23:00, Fr,Sa 12:00-24:00; PH 12:00-23:00",
            "DE",
            "2026-12-25T23:30:00+01:00",
            False,
            "2026-12-26T12:00:00+01:00",
        ),
    ],
)
def test_hours_of_real_places(hours: str, country: str | None, moment: str, opens: str, *, is_open: bool) -> None:
    """Hours that other programs have read wrongly."""
    schedule = _schedule(hours, country=country)
    found = schedule.next("next_open", _at(moment))
    assert (schedule.is_open(_at(moment)), found and found.isoformat()) == (is_open, opens)


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\uff0d"])
def test_every_dash_is_one(dash: str) -> None:
    """Word processors and web pages write others than the one of the keyboard, and blanks that do not break."""
    schedule = _schedule(f"Mo{dash}Fr\u00a009:00{dash}17:00; Sa\t10:00{dash}12:00; ")
    assert schedule.is_open(_at("2026-03-02T10:00:00+01:00"))
    assert not schedule.is_open(_at("2026-03-07T13:00:00+01:00"))
    hours = f"Mo{dash}Fr 09:00-12:00; Tu 13:00-14:00".replace(dash, "-")
    assert [part for part, _ in replacements(hours)] == ["Tu 13:00-14:00"]


# Where the wall clock jumps: Paris 2026-03-29 02:00 -> 03:00 and 2026-10-25 03:00 -> 02:00,
# New York 2026-03-08 02:00 -> 03:00 and 2026-11-01 02:00 -> 01:00


@pytest.mark.parametrize(
    ("zone", "hours", "before", "opens"),
    [
        (PARIS, "Su 02:00-04:00", "2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"),
        (PARIS, "Su 02:30-04:00", "2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"),
        (NEW_YORK, "Su 02:30-04:00", "2026-03-08T01:59:59-05:00", "2026-03-08T03:00:00-04:00"),
        (NEW_YORK, "Su 09:00-17:00", "2026-03-08T00:00:00-05:00", "2026-03-08T09:00:00-04:00"),
    ],
)
def test_opening_in_the_hour_that_does_not_exist_happens_at_its_end(
    zone: str, hours: str, before: str, opens: str
) -> None:
    """Clocks put forward: closed before the gap, open right behind it, and `next_open` says so."""
    schedule = _schedule(hours, zone)
    assert not schedule.is_open(_at(before))
    found = schedule.next("next_open", _at(before))
    assert found is not None
    assert found.isoformat() == opens
    assert schedule.is_open(_at(opens))


def test_closing_in_the_hour_that_does_not_exist_happens_at_its_end() -> None:
    """Open until 02:30 of a day without it: closed from 03:00 on."""
    schedule = _schedule("Su 01:00-02:30")
    found = schedule.next("next_close", _at("2026-03-29T01:30:00+01:00"))
    assert found is not None
    assert found.isoformat() == "2026-03-29T03:00:00+02:00"
    assert schedule.is_open(_at("2026-03-29T01:59:59+01:00"))
    assert not schedule.is_open(_at("2026-03-29T03:00:00+02:00"))


@pytest.mark.parametrize(
    ("zone", "hours", "moments"),
    [
        (
            PARIS,
            "Su 02:15-02:45",
            {
                "2026-10-25T02:14:59+02:00": False,
                "2026-10-25T02:20:00+02:00": True,
                "2026-10-25T02:50:00+02:00": False,
                "2026-10-25T02:14:59+01:00": False,
                "2026-10-25T02:20:00+01:00": True,
                "2026-10-25T02:50:00+01:00": False,
            },
        ),
        (
            NEW_YORK,
            "Su 01:30-03:00",
            {
                "2026-11-01T01:20:00-04:00": False,
                "2026-11-01T01:40:00-04:00": True,
                "2026-11-01T01:20:00-05:00": False,
                "2026-11-01T01:40:00-05:00": True,
                "2026-11-01T02:30:00-05:00": True,
                "2026-11-01T03:00:00-05:00": False,
            },
        ),
    ],
)
def test_hour_that_happens_twice_is_open_both_times(zone: str, hours: str, moments: dict[str, bool]) -> None:
    """Clocks put back: people read the wall clock, and so does the schedule."""
    schedule = _schedule(hours, zone)
    assert {moment: schedule.is_open(_at(moment)) for moment in moments} == moments


@pytest.mark.parametrize(
    ("zone", "hours", "moment", "closes"),
    [
        (PARIS, "Sa 22:00-06:00", "2026-03-28T23:00:00+01:00", "2026-03-29T06:00:00+02:00"),
        (PARIS, "Sa 22:00-06:00", "2026-10-25T02:20:00+02:00", "2026-10-25T06:00:00+01:00"),
        (NEW_YORK, "Sa 22:00-06:00", "2026-10-31T23:00:00-04:00", "2026-11-01T06:00:00-05:00"),
    ],
)
def test_night_in_which_the_clocks_change_ends_by_the_wall_clock(
    zone: str, hours: str, moment: str, closes: str
) -> None:
    """An hour more or less of work, and the door closes at six all the same."""
    found = _schedule(hours, zone).next("next_close", _at(moment))
    assert found is not None
    assert found.isoformat() == closes


@given(
    st.sampled_from(
        [
            "Su 02:15-02:45",
            "Mo-Su 01:30-02:00,02:10-02:20",
            "Sa 22:00-02:30",
            "Mo-Su 00:30-01:30; Sa off",
            "Mo-Su 23:00-01:45",
        ]
    ),
    st.sampled_from(
        [
            (PARIS, "2026-03-29T01:00:00"),
            (PARIS, "2026-10-25T01:00:00"),
            (NEW_YORK, "2026-03-08T07:00:00"),
            (NEW_YORK, "2026-11-01T06:00:00"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00"),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00"),
            ("America/Havana", "2026-11-01T05:00:00"),
            ("Africa/Cairo", "2026-04-23T22:00:00"),
        ]
    ),
    st.integers(-6 * 12, 6 * 12),
)
def test_next_is_the_first_change_also_where_the_clock_jumps(hours: str, jump: tuple[str, str], five: int) -> None:
    """Step by step around a jump: until `next_open` and `next_close` nothing changes, and there it does."""
    zone, moment = jump
    schedule, start = _schedule(hours, zone), _at(f"{moment}+00:00") + five * 300
    found = [schedule.next(wanted, start) for wanted in ("next_open", "next_close")]
    change = min(one.timestamp() for one in found if one)
    step = start
    while step < min(change, start + 86400):
        assert schedule.is_open(step) is schedule.is_open(start)
        step += 60
    assert schedule.is_open(change) is not schedule.is_open(start)


def test_what_comes_next_is_found_again_after_the_clock_was_put_back() -> None:
    """Messages may be judged out of order: a search for a later moment does not answer for an earlier one."""
    schedule = _schedule("Mo-Fr 09:00-12:00,13:00-18:00")
    moments = ["2026-03-02T14:00:00+01:00", "2026-03-02T10:00:00+01:00", "2026-03-02T11:00:00+01:00"]
    found = [schedule.next("next_close", _at(moment)) for moment in moments]
    assert [one.hour for one in found if one] == [18, 12, 12]


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [("24/7", True), ("off", False), ("2025 Dec 24 10:00-12:00", False), ("Mo-Su 00:00-24:00", True)],
)
def test_what_never_changes_has_no_next(hours: str, *, is_open: bool) -> None:
    """Always open, never open, a date that is over: no next opening, and no endless search for one."""
    schedule, moment = _schedule(hours), _at("2026-03-02T10:00:00+01:00")
    assert schedule.is_open(moment) is is_open
    began = time.process_time()
    assert (schedule.next("next_open", moment), schedule.next("next_close", moment)) == (None, None)
    assert time.process_time() - began < 0.3  # some ms; a search to the end of time took a second, of everybody's


def test_leap_days_are_not_never() -> None:
    """What happens every four years comes."""
    found = _schedule("Feb 29 10:00-12:00").next("next_open", _at("2028-02-29T12:00:00+01:00"))
    assert found is not None
    assert found.isoformat() == "2032-02-29T10:00:00+01:00"


@given(st.integers(0, 366 * 24 * 4), st.sampled_from([PARIS, NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe"]))
def test_next_is_later_and_in_the_state_it_promises(quarter: int, zone: str) -> None:
    """Whenever one asks, in a year with its clock changes: after `next_open` it is open, after `next_close` closed."""
    schedule = _schedule("Mo-Fr 08:00-12:30,13:30-18:00; Sa 22:00-02:00", zone)
    moment = _at("2026-01-01T00:00:00+00:00") + quarter * 900.0
    opens, closes = schedule.next("next_open", moment), schedule.next("next_close", moment)
    assert opens is not None
    assert closes is not None
    assert moment < opens.timestamp()
    assert moment < closes.timestamp()
    assert schedule.is_open(opens.timestamp())
    assert not schedule.is_open(opens.timestamp() - 1)
    assert not schedule.is_open(closes.timestamp())
    assert (closes < opens) is schedule.is_open(moment)


# How a moment is written


@pytest.mark.parametrize(
    ("form", "weekdays", "written"),
    [
        ("%H:%M", (), "09:05"),
        ("%A %d.%m. %H:%M", (), "Monday 02.03. 09:05"),
        ("%a", (), "Mon"),
        ("%A %d.%m. %H:%M", GERMAN, "Montag 02.03. 09:05"),
        ("%a", GERMAN, "Mon"),
        ("%%A %A", GERMAN, "%A Montag"),
        ("100%% %A", ("100%d", *GERMAN[1:]), "100% 100%d"),
        ("am %A à 9 h \U0001f600", ("lundi", *GERMAN[1:]), "am lundi à 9 h \U0001f600"),
        ("%Z %z", (), "CET +0100"),
    ],
)
def test_moment_in_the_words_of_the_file(form: str, weekdays: tuple[str, ...], written: str) -> None:
    """`weekdays` replaces %A and %a only, whatever stands in the names."""
    schedule = _schedule("24/7", weekdays=weekdays)
    assert schedule.write(datetime(2026, 3, 2, 9, 5, tzinfo=schedule.zone), form) == written


@pytest.mark.parametrize(
    ("source", "moment", "said"),
    [
        ("Back {office.next_open:%A %H:%M}.", "2026-03-02T08:00:00+01:00", "Back Montag 09:00."),
        ("Back {office.next_open:%A %H:%M}.", "2026-03-06T19:00:00+01:00", "Back Samstag 22:00."),
        ("Until {office.next_close:%H:%M|whenever}", "2026-03-02T10:00:00+01:00", "Until 12:30"),
        ("Until {never.next_close:%H:%M|whenever}", "2026-03-02T10:00:00+01:00", "Until whenever"),
        ("Until {never.next_close:%H:%M|}", "2026-03-02T10:00:00+01:00", "Until "),
        ("Until {never.next_close:%H:%M}", "2026-03-02T10:00:00+01:00", "Until later"),
        ("{{office.next_open:%H}} {shop}", "2026-03-02T10:00:00+01:00", "{office.next_open:%H} Roma"),
    ],
)
async def test_texts_tell_times(source: str, moment: str, said: str) -> None:
    """`{office.next_open:%H:%M}`: by the clock of the message; behind "|" stands what is said of never."""
    schedules = {"office": _schedule(OFFICE, country="FR", weekdays=GERMAN), "never": _schedule("24/7")}
    built = compiler.Bench(schedules=schedules)
    rule = built.build(text.TextOptions(source))
    assert built.told() == []
    assert compiler.texts(await rule(compiler.context(at=_at(moment)))) == [said]


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("{office.next_open}", "{office.next_open} needs a format; write it as {office.next_open:%H:%M}"),
        ("{office.next_open:HH}", "needs a format"),
        ("{office.next_open:|later}", "needs a format"),
        ("{ofice.next_open:%H:%M}", 'no schedule is called "ofice"'),
        ("{office.next_lunch:%H:%M}", 'a schedule has no "next_lunch"'),
        ("{office.next_open!r:%H}", 'a schedule has no "next_open!r"'),
        ("{office}", None),
        ("{office.zone}", 'a schedule has no "zone"'),
        ("{office.next_open.year}", 'a schedule has no "next_open.year"'),
    ],
)
def test_other_names_of_a_schedule_are_refused(source: str, part: str | None) -> None:
    """Two moments and a format; no attribute of a schedule can be reached."""
    if part is None:  # a plain name, which no text knows
        assert parse(source, {"office": _schedule("24/7")}).names == {"office"}
        return
    with pytest.raises(BadTemplate) as refusal:
        parse(source, {"office": _schedule("24/7")})
    assert part in str(refusal.value)


# Conditions


@pytest.mark.parametrize(
    ("condition", "moment", "reason"),
    [
        (ConditionOptions(open="office"), "2026-03-02T10:00:00+01:00", None),
        (ConditionOptions(closed="office"), "2026-03-02T12:45:00+01:00", None),
        (
            ConditionOptions(open="office"),
            "2026-03-02T12:45:00+01:00",
            "office is closed until Mon 02 Mar 13:30",
        ),
        (
            ConditionOptions(closed="office"),
            "2026-03-02T10:00:00+01:00",
            "office is open until Mon 02 Mar 12:30",
        ),
        (ConditionOptions(closed="never"), "2026-03-02T10:00:00+01:00", "office is open"),
    ],
)
async def test_open_and_closed_are_conditions(condition: ConditionOptions, moment: str, reason: str | None) -> None:
    """The state when the message came, not when the rule is asked; who passes says until when."""
    built = compiler.Bench(schedules={"office": _schedule(OFFICE, country="FR"), "never": _schedule("24/7")})
    rule = built.build(text.TextOptions("Hi."), condition)
    assert built.told() == []
    verdict = await rule(compiler.context(at=_at(moment)))
    assert isinstance(verdict, Answers) if reason is None else verdict == Passes(reason)
    assert not rule.always_answers


@pytest.mark.parametrize(
    ("key", "condition"), [("open", ConditionOptions(open="ofice")), ("closed", ConditionOptions(closed="ofice"))]
)
def test_unknown_schedule_is_a_fault_of_its_key(key: str, condition: ConditionOptions) -> None:
    """A name that is nearly right is guessed."""
    built = compiler.Bench(schedules={"office": _schedule("24/7")})
    built.build(text.TextOptions("Hi."), condition)
    assert built.told() == [((key,), 'no schedule is called "ofice"; did you mean "office"?')]


# What people get wrong

EXAMPLE = 'write it like "Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-12:00; PH off"'
DAYS = "days have two letters: Mo Tu We Th Fr Sa Su"
CLOCK, MINUTES = "times have 24 hours: 09:00-17:00, not 9am-5pm", "times have minutes: 09:00-18:00, not 9-18"
COLON, END = "times have a colon: 09:00, not 09.00", "a time needs an end: 09:00-18:00"


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ("Mon-Fri 09:00-18:00", f"not understood from 'n-Fri 09:00-18:00' on; {DAYS}"),
        ("Mo-Fr 9am-5pm", f"not understood from '9am-5pm' on; {CLOCK}"),
        ("Mo-Fr 9:00am-5:00pm", f"not understood from 'am-5:00pm' on; {CLOCK}"),
        ("Mo-Fr 9-18", f"not understood from '9-18' on; {MINUTES}"),
        ("Mo-Fr 9 - 18", f"not understood from '9 - 18' on; {MINUTES}"),
        ("Mo-Fr 09.00-18.00", f"not understood from '09.00-18.00' on; {COLON}"),
        ("Mo-Fr 9h-18h", "not understood from '9h-18h' on; times have a colon: 09:00, not 9h"),
        ("Mo-Fr 9h30-18h", "not understood from '9h30-18h' on; times have a colon: 09:00, not 9h"),
        ("Mo-Fr 09:00 to 18:00", f"not understood from ' to 18:00' on; {END}; write - between two times: 09:00-18:00"),
        ("Mo - Fr 09:00-18:00", "not understood from '- Fr 09:00-18:00' on; days have no blanks between them: Mo-Fr"),
        ("Mo-Fr: 09:00-18:00", "not understood from ': 09:00-18:00' on; days have no colon: Mo-Fr 09:00-18:00"),
        ("Mo-Fr 09:00", f"not understood; {END}"),
        ("Mo-Fr 09:00; Sa 10:00-12:00", f"not understood from '; Sa 10:00-12:00' on; {END}"),
        ("Mon-Fri 9-18", f"not understood from 'n-Fri 9-18' on; {DAYS}; {MINUTES}"),
        ("Mo-Fr 09:00-18:00 Sa 10:00-12:00", f"not understood from 'Sa 10:00-12:00' on; {EXAMPLE}"),
        ("2026-12-24 off", "not understood from '12-24 off' on; write the date 2026-12-24 as 2026 Dec 24"),
        ("24.12.2026 off", "not understood from '24.12.2026 off' on; write the date 24.12.2026 as 2026 Dec 24"),
        (
            "Mo-Fr 9-18; 2026-1-2 off",
            f"not understood from '9-18; 2026-1-2 off' on; write the date 2026-1-2 as 2026 Jan 02; {MINUTES}",
        ),
        ("2026-13-24 off", f"not understood from '13-24 off' on; {EXAMPLE}"),
        ("Mo-Fr 25:00-26:00", f"not understood from '25:00-26:00' on; {EXAMPLE}"),
        ("weekdays", f"not understood from 'days' on; {EXAMPLE}"),
        ("", f"not understood; {EXAMPLE}"),
    ],
)
def test_mistakes_are_told_with_what_to_write(hours: str, message: str) -> None:
    """The place where reading stopped, and the advice that fits this mistake; no other advice."""
    with pytest.raises(BadSchedule) as refusal:
        _schedule(hours)
    assert (refusal.value.key, str(refusal.value)) == ("hours", message)


@pytest.mark.parametrize(
    ("options", "key", "part"),
    [
        (ScheduleOptions("Europe/Pariss", "24/7"), "timezone", 'did you mean "Europe/Paris"?'),
        (ScheduleOptions("tokyo", "24/7"), "timezone", 'did you mean "Asia/Tokyo"?'),
        (ScheduleOptions("GMT+1", "24/7"), "timezone", "no such time zone"),
        (ScheduleOptions("+01:00", "24/7"), "timezone", 'write an IANA name, for example "Europe/Paris"'),
        (ScheduleOptions("", "24/7"), "timezone", "no such time zone"),
        (ScheduleOptions("../etc/passwd", "24/7"), "timezone", "no such time zone"),
        (ScheduleOptions("Europe", "24/7"), "timezone", "no such time zone"),
        (ScheduleOptions("a\0b", "24/7"), "timezone", "no such time zone"),
        (ScheduleOptions(PARIS, "Mo-Fr 09:00-18:00; PH off"), "country", "required where hours use PH"),
        (ScheduleOptions(PARIS, "SH off"), "hours", "write their dates, such as 2026 Jul 04-2026 Aug 31 off"),
        (ScheduleOptions(PARIS, "PH,SH off", "FR"), "hours", "school holidays are not known"),
        (ScheduleOptions(PARIS, "Mo-Fr PH 09:00-12:00", "FR"), "hours", 'in a list of days ("Mo-Fr,PH")'),
        (ScheduleOptions(PARIS, "Sa 10:00-48:00"), "hours", "longer than a day; write the hours of each day"),
        (ScheduleOptions(PARIS, "PH off", region="BY", holidays=(XMAS_EVE,)), "country", '"BY" is a part of'),
        (ScheduleOptions(PARIS, "PH off", "GB-ENG"), "country", 'write country = "GB", region = "ENG"'),
        (ScheduleOptions(PARIS, "PH off", "DE-BY"), "country", 'write country = "DE", region = "BY"'),
        (ScheduleOptions(PARIS, "PH off", "XX-YY"), "country", "no holidays are known for"),
        (ScheduleOptions(PARIS, "PH off", "fr"), "country", 'write country = "FR"'),
        (ScheduleOptions(PARIS, "PH off", "DEU"), "country", 'write country = "DE"'),
        (ScheduleOptions(PARIS, "PH off", "United Kingdom"), "country", 'write country = "GB"'),
        (ScheduleOptions(PARIS, "PH off", "GB", region="GB-ENG"), "region", 'write region = "ENG"'),
        (ScheduleOptions(PARIS, "PH off", "DE", region="bayern"), "region", 'write region = "BY"'),
        (ScheduleOptions(PARIS, "PH off", "GB", region="XX"), "region", 'known: "ENG", "NIR", "SCT", "WLS"'),
        (ScheduleOptions(PARIS, "PH off", "JP", region="13"), "region", "leave region out"),
        (ScheduleOptions(PARIS, "PH off", "XX"), "country", 'write a country code such as "US" or "FR"'),
        (ScheduleOptions(PARIS, "PH off", "France"), "country", "no holidays are known for"),
        (ScheduleOptions(PARIS, "24/7", weekdays=("lundi",)), "weekdays", "not seven names; write all seven days"),
    ],
)
def test_other_options_are_checked(options: ScheduleOptions, key: str, part: str) -> None:
    """Each fault stands at the key that is to be mended."""
    with pytest.raises(BadSchedule) as refusal:
        build("office", options)
    assert refusal.value.key == key
    assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("hours", "replaced"),
    [
        ("Mo-Fr 09:00-12:00; Mo-Fr 13:00-18:00", ["Mo-Fr 13:00-18:00"]),
        ("Mo-Fr 09:00-12:00; Fr 10:00-12:00", ["Fr 10:00-12:00"]),
        ("09:00-12:00; 13:00-18:00", ["13:00-18:00"]),
        ("Sa-Mo 09:00-12:00; Su 10:00-11:00", ["Su 10:00-11:00"]),
        ("Mo,We 09:00-12:00; Tu 10:00-11:00; We 12:00-13:00", ["We 12:00-13:00"]),
        ("Mo-Fr 09:00-12:00,13:00-18:00", []),
        ("Mo-Fr 09:00-12:00, Fr 13:00-14:00", []),
        ("Mo-Fr 09:00-12:00; Sa 10:00-12:00", []),
        ("Mo-Fr 09:00-12:00; Fr off", []),
        ("Mo-Su 09:00-12:00; Fr closed", []),
        ("Mo-Fr 09:00-12:00; PH 10:00-11:00", []),
        ("Mo-Fr 09:00-12:00; 2026 Dec 24 09:00-10:00", []),
        ("Mo-Fr 09:00-12:00; Dec 24 09:00-10:00", []),
        ("off; Mo-Fr 09:00-12:00", []),
        ("Mo-Fr 09:00-12:00; Mo-Fr off; Sa 10:00-11:00", []),
        ("PH off; Mo-Fr 09:00-12:00", ["Mo-Fr 09:00-12:00"]),
        ("easter off; Mo-Su 09:00-12:00", ["Mo-Su 09:00-12:00"]),
        ("Su off; Mo-Su 09:00-12:00", ["Mo-Su 09:00-12:00"]),
    ],
)
def test_later_part_that_replaces_an_earlier_one_is_noticed(hours: str, replaced: list[str]) -> None:
    """In this syntax ";" replaces the day and "," adds to it; exceptions and days off are meant that way, behind."""
    assert [part for part, _ in replacements(hours)] == replaced


def test_later_part_really_replaces() -> None:
    """What the warning warns of is what the library does: the morning is gone."""
    monday = _at("2026-03-02T10:00:00+01:00")
    assert not _schedule("Mo-Fr 09:00-12:00; Mo-Fr 13:00-18:00").is_open(monday)
    assert _schedule("Mo-Fr 09:00-12:00,13:00-18:00").is_open(monday)


def test_holidays_without_an_end_cost_little() -> None:
    """Never open, in a country with holidays: ten years are looked through, once a day, in some ms."""
    schedule, moment = _schedule("off; PH off", country="FR"), _at("2026-03-02T10:00:00+01:00")
    began = time.process_time()
    assert [schedule.next("next_open", moment + message) for message in range(1000)] == [None] * 1000
    assert time.process_time() - began < 2  # some ms for the day; ten years for each message would take 5 s
