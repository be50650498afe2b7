"""Charts: what is drawn is what was counted, and nothing is told by colour alone."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stored import NINE

from app.operations.statistics import Slots
from app.web.console.charts import HEIGHT, LEAST, PATTERNS, Chart, Series, busy_slots, draw, heights, nice, swatch

PARIS = ZoneInfo("Europe/Paris")
HOUR = Slots(NINE, 60.0, 60)
EVIL = "</title><script>alert(1)</script>&\"'"


def chart(*series: tuple[str, Sequence[int]], slots: Slots = HOUR) -> Chart:
    """A chart of messages, with zeros after what is given."""
    filled = (Series(name, [*counts, *([0] * (slots.count - len(counts)))]) for name, counts in series)
    return Chart("c", "Messages", ("message", "messages"), tuple(filled), slots, PARIS)


def drawn(one: Chart) -> ET.Element:
    """The SVG, which is well-formed XML."""
    return ET.fromstring(str(draw(one)))


@pytest.mark.parametrize(
    ("count", "top"), [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 20), (99, 100), (101, 200)]
)
def test_the_axis_ends_at_a_round_number(count: int, top: int) -> None:
    """Its middle is a whole number as well."""
    assert nice(count) == top


@given(st.integers(0, 10**9))
def test_the_axis_holds_every_count(count: int) -> None:
    """It is never more than ten times too long, and even."""
    assert count <= nice(count) <= max(10 * count, 2)
    assert nice(count) % 2 == 0


def test_bars_are_stacked_in_a_fixed_order() -> None:
    """From the bottom up, each as high as its count; slots in which nothing came have no bar."""
    groups = drawn(chart(("answered", [4, 0, 1]), ("silent", [2, 0, 0]))).findall("g")
    assert [group.findtext("title") for group in groups] == ["10:00: 4 answered, 2 silent", "10:02: 1 answered"]
    first, second = groups[0].findall("rect")
    assert float(first.get("y", "")) + float(first.get("height", "")) == HEIGHT
    assert float(second.get("y", "")) + float(second.get("height", "")) == float(first.get("y", ""))
    assert float(first.get("height", "")) == pytest.approx(2 * float(second.get("height", "")), abs=0.02)
    assert float(groups[1].findall("rect")[0].get("x", "")) > float(first.get("x", ""))


def test_every_series_looks_different_without_its_colour() -> None:
    """The first is plain, each other has a pattern of its own; the legend shows the same."""
    four = chart(*((name, [1]) for name in "abcd"))
    rects = drawn(four).findall("g/rect")
    paints = [rect.get("fill") or rect.get("class") for rect in rects]
    assert paints == ["series-0", "url(#c-1)", "url(#c-2)", "url(#c-3)"]
    assert {one.get("id") for one in drawn(four).iter("pattern")} == {"c-1", "c-2", "c-3"}
    assert len(set(PATTERNS)) == 4
    assert [paint in str(swatch(four, index)) for index, paint in enumerate(paints) if paint] == [True] * 4


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4).filter(any))
def test_every_count_is_visible_and_inside(counts: list[int]) -> None:
    """One message beside a million has a bar, and no bar leaves the chart."""
    high = heights(counts, nice(sum(counts)))
    assert all((one >= LEAST) == bool(count) for one, count in zip(high, counts, strict=True))
    assert sum(high) <= HEIGHT + 1e-9


def test_the_gist_is_a_sentence() -> None:
    """A screen reader hears the span with its zone, the sums, and when the most came."""
    svg = drawn(chart(("answered", [1, 1500]), ("silent", [2, 0])))
    assert (svg.get("role"), svg.get("aria-label")) == (
        "img",
        (
            "Messages from 10:00 to 11:00 CET: 1,503 messages, 1,501 answered, 2 silent. "
            "The most in one minute: 1,500, at 10:01."
        ),
    )


@pytest.mark.parametrize(
    ("slots", "gist"),
    [
        (Slots(NINE, 900.0, 96), "The most in 15 minutes: 3, at 10:15."),
        (Slots(NINE, 3600.0, 168), "The most in one hour: 3, at Mon 11:00."),
    ],
)
def test_the_gist_of_longer_spans(slots: Slots, gist: str) -> None:
    """In a week, times have their day."""
    one = chart(("answered", [1, 3]), slots=slots)
    assert one.gist.endswith(gist)
    assert one.step in ("per 15 minutes", "per hour")


def test_nothing_came() -> None:
    """An empty chart says so, and is well-formed."""
    one = chart(("answered", []))
    assert one.gist == "Messages from 10:00 to 11:00 CET: none."
    assert (drawn(one).findall("g"), one.top) == ([], 2)


def test_one_is_no_plural() -> None:
    """One message, two messages."""
    assert "1 message, 1 answered" in chart(("answered", [1])).gist


def test_the_clock_is_changed_at_night() -> None:
    """Labels follow the zone of the reader, over a change to summer time too."""
    night = Slots(1_774_742_400.0, 3600.0, 168)  # 2026-03-29 00:00 UTC; at one, clocks in Paris go to three
    assert [replace(chart(slots=night), zone=zone).clock(1) for zone in (PARIS, UTC)] == ["Sun 03:00", "Sun 01:00"]


def test_charts_may_share_a_scale() -> None:
    """Then bars of one height are equal counts."""
    assert replace(chart(("a", [1])), highest=30).top == 40


def test_names_are_escaped() -> None:
    """Names are ours, and harmless whoever writes them."""
    source = str(draw(replace(chart((EVIL, [1])), title=EVIL)))
    assert "<script" not in source
    assert EVIL in (ET.fromstring(source).findtext("g/title") or "")


def test_no_style_stands_in_the_markup() -> None:
    """The content security policy forbids it."""
    source = str(draw(chart(("a", [1]), ("b", [2]))))
    assert re.findall(r"style=|<style|on\w+=", source) == []


def test_slots_with_figures() -> None:
    """The table leaves out what is empty in every chart."""
    assert busy_slots([chart(("a", [0, 1])), chart(("b", [0, 0, 0, 2]))]) == [1, 3]
