"""G8, pure: rates, fuses, and what they silence."""

from itertools import pairwise

import pytest
from app.policies.ledger import Fuse, Memory, Pair
from hypothesis import given
from hypothesis import strategies as st

from app.plivo.messages import InboundMessage
from app.policies.limits import LimitOptions, Rate, burning, exceeded, fuses, recall, text_key

NOW = 1_772_442_000.0
HERE = Pair("33644600000", "33700000001")
HELLO = text_key(InboundMessage("u", "1", "2", "hello"))
NONE = LimitOptions(per_sender=(), same_text=(), total=())


def _limits(
    per_sender: tuple[Rate, ...] = (),
    same_text: tuple[Rate, ...] = (),
    total: tuple[Rate, ...] = (),
    exempt: frozenset[str] = frozenset(),
    fuses: dict[str, tuple[Rate, ...]] | None = None,
) -> LimitOptions:
    return LimitOptions(per_sender, same_text, total, 3, exempt, fuses or {})


def _exceeded(
    options: LimitOptions, memory: Memory, units: int = 1, now: float = NOW, route: str | None = "shop"
) -> str | None:
    asked = recall(options, now, HERE, frozenset(), route)
    return exceeded(options, memory, asked, HELLO, route, units)


@pytest.mark.parametrize(
    ("rate", "written"),
    [
        (Rate(30, 3600.0), "30/1h"),
        (Rate(100, 86_400.0), "100/1d"),
        (Rate(5, 172_800.0), "5/2d"),
        (Rate(4, 600.0), "4/10m"),
        (Rate(1, 90.0), "1/90s"),
        (Rate(1, 5400.0), "1/90m"),
    ],
)
def test_rate_is_written_as_in_the_file(rate: Rate, written: str) -> None:
    """A reason can be searched for in the file."""
    assert str(rate) == written


def test_defaults_are_those_of_the_docs() -> None:
    """DESIGN 3.1: 30 an hour and 100 a day to one person, 4 an hour to one text, 5,000 units a day, 3 units a text."""
    options = LimitOptions()
    assert [str(rate) for rate in (*options.per_sender, *options.same_text, *options.total)] == [
        "30/1h",
        "100/1d",
        "4/1h",
        "5000/1d",
    ]
    assert (options.max_units, options.exempt, dict(options.fuses)) == (3, frozenset(), {})


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ((), None),
        (((NOW - 1, "x"), (NOW - 2, "y")), None),
        (((NOW - 1, "x"), (NOW - 2, "y"), (NOW - 3, "z")), "limit: per_sender 3/1m"),
        (((NOW - 1, "x"), (NOW - 2, "y"), (NOW - 60, "z")), None),  # just over
        (((NOW - 1, "x"), (NOW - 2, "y"), (NOW - 59.99, "z")), "limit: per_sender 3/1m"),
        (((NOW, "x"), (NOW, "y"), (NOW, "z")), "limit: per_sender 3/1m"),
        (((NOW + 5, "x"), (NOW + 5, "y"), (NOW + 5, "z")), "limit: per_sender 3/1m"),  # decided late, after others
        (((NOW - 1, HELLO), (NOW - 2, HELLO)), "limit: same_text 2/1m"),
        (((NOW - 1, HELLO), (NOW - 2, "x")), None),
        (((NOW - 1, HELLO), (NOW - 61, HELLO)), None),
    ],
)
def test_replies_are_counted_in_a_sliding_window(replies: tuple[tuple[float, str], ...], reason: str | None) -> None:
    """So many in any such span, not in any hour of the clock; the reason names the limit."""
    options = _limits(per_sender=(Rate(3, 60.0),), same_text=(Rate(2, 60.0),))
    assert _exceeded(options, Memory(replies=replies)) == reason


def test_every_rate_of_a_list_counts() -> None:
    """`per_sender = ["2/1m", "3/1h"]`: the tighter one speaks, the longer one too."""
    options = _limits(per_sender=(Rate(2, 60.0), Rate(3, 3600.0)))
    minutes = tuple((NOW - 100.0 * index, "x") for index in range(1, 4))
    assert _exceeded(options, Memory(replies=minutes[:2])) is None
    assert _exceeded(options, Memory(replies=minutes)) == "limit: per_sender 3/1h"
    assert _exceeded(options, Memory(replies=((NOW, "x"), (NOW, "x")))) == "limit: per_sender 2/1m"


@pytest.mark.parametrize(
    ("spent", "units", "over"), [(0, 10, False), (0, 11, True), (9, 1, False), (9, 2, True), (10, 1, True)]
)
def test_fuse_is_never_passed(spent: int, units: int, *, over: bool) -> None:
    """The bill stays within the fuse: an answer that does not fit any more is not given."""
    memory = Memory(spent={Fuse("", 60.0): spent})
    assert _exceeded(_limits(total=(Rate(10, 60.0),)), memory, units) == ("limit: total 10/1m" if over else None)


def test_fuses_of_a_route_burn_beside_the_common_one() -> None:
    """A route's own total is one more fuse: it spares the others, and does not free the route from the common one."""
    options = _limits(total=(Rate(10, 60.0),), fuses={"shop": (Rate(5, 60.0),)})
    assert [(fuse, str(rate)) for fuse, rate in fuses(options, "shop")] == [
        (Fuse("", 60.0), "10/1m"),
        (Fuse("route shop", 60.0), "5/1m"),
    ]
    assert [fuse for fuse, _ in fuses(options, "other")] == [Fuse("", 60.0)]
    assert [fuse for fuse, _ in fuses(options, None)] == [Fuse("", 60.0)]
    burnt = Memory(spent={Fuse("", 60.0): 5, Fuse("route shop", 60.0): 5})
    assert _exceeded(options, burnt) == "limit: total 5/1m of route shop"
    assert _exceeded(options, burnt, route="other") is None
    assert _exceeded(options, Memory(spent={Fuse("", 60.0): 10})) == "limit: total 10/1m"


def test_exempt_person_is_never_limited() -> None:
    """A test phone is not counted out, and its replies are not even looked up; but it burns the fuse like anybody."""
    options = _limits((Rate(1, 60.0),), (Rate(1, 60.0),), (Rate(1, 60.0),), frozenset({HERE.person}))
    assert _exceeded(options, Memory(replies=((NOW, HELLO),) * 9)) is None
    assert _exceeded(options, Memory(spent={Fuse("", 60.0): 9})) == "limit: total 1/1m"
    assert recall(options, NOW, HERE, frozenset(), None).window == 0.0


def test_recall_asks_for_the_longest_window() -> None:
    """What is looked up covers every rate; without rates nothing is."""
    options = _limits(per_sender=(Rate(1, 60.0), Rate(9, 3600.0)), same_text=(Rate(1, 600.0),), total=(Rate(1, 7.0),))
    other = Pair(HERE.number, "33612345678")
    asked = recall(options, NOW, HERE, frozenset({other}), "shop")
    assert (asked.now, asked.pair, asked.window) == (NOW, HERE, 3600.0)
    assert asked.people == frozenset({HERE, other})
    assert asked.fuses == frozenset({Fuse("", 7.0)})
    assert recall(NONE, NOW, HERE, frozenset(), "shop").window == 0.0


@pytest.mark.parametrize(
    ("before", "units", "told"), [(0, 7, False), (7, 1, True), (0, 8, True), (8, 1, False), (9, 1, False), (6, 4, True)]
)
def test_fuse_is_told_once_at_80_percent(before: int, units: int, *, told: bool) -> None:
    """One warning, with the answer that takes it over; in time to do something."""
    memory = Memory(spent={Fuse("", 60.0): before})
    assert burning(_limits(total=(Rate(10, 60.0),)), memory, "shop", units) == ("total 10/1m" if told else None)


def test_burning_fuse_of_a_route_is_named() -> None:
    """Whoever reads the warning knows which route spends."""
    options = _limits(total=(Rate(1000, 60.0),), fuses={"shop": (Rate(10, 60.0),)})
    assert burning(options, Memory(spent={Fuse("route shop", 60.0): 7}), "shop", 1) == "total 10/1m of route shop"
    assert burning(options, Memory(spent={Fuse("route shop", 60.0): 7}), "other", 1) is None


@pytest.mark.parametrize("text", ["HELLO", " hello ", "Hello!", "héllo", "hel\u200blo", "\uff48ello"])
def test_a_robot_cannot_write_the_same_words_in_other_clothes(text: str) -> None:
    """same_text counts words, not bytes; the key tells nobody what they were."""
    assert text_key(InboundMessage("u", "1", "2", text)) == HELLO
    assert text_key(InboundMessage("u", "1", "2", "hello 2")) != HELLO
    assert len(HELLO) == 16
    assert "hello" not in HELLO


RATES = st.builds(Rate, st.integers(1, 4), st.integers(1, 30).map(float))
TIMES = st.lists(st.integers(0, 120).map(float), max_size=40)


@given(st.lists(RATES, min_size=1, max_size=3), TIMES)
def test_no_window_holds_more_answers_than_its_rate(rates: list[Rate], times: list[float]) -> None:
    """G8: in whatever order messages are decided, no window of a rate ever holds more than its count."""
    options = _limits(per_sender=tuple(rates))
    replies: list[tuple[float, str]] = []
    for at in times:
        if _exceeded(options, Memory(replies=tuple(replies)), now=at) is None:
            replies.append((at, "x"))
    answered = sorted(at for at, _ in replies)
    for rate in rates:
        for first, last in zip(answered, answered[rate.count :], strict=False):
            assert last - first >= rate.seconds


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 40))
def test_no_fuse_is_ever_passed_and_it_is_told_at_most_once(costs: list[int], count: int) -> None:
    """G8: whatever answers cost, their sum in the window stays within the fuse; the warning comes once."""
    options, fuse = _limits(total=(Rate(count, 60.0),)), Fuse("", 60.0)
    spent, sums, warnings = 0, [0], 0
    for units in costs:
        memory = Memory(spent={fuse: spent})
        if _exceeded(options, memory, units) is None:
            warnings += burning(options, memory, None, units) is not None
            spent += units
            sums.append(spent)
    assert spent <= count
    assert warnings == sum(before < 0.8 * count <= after for before, after in pairwise(sums))
    assert warnings <= 1


def test_pictures_without_words_are_not_one_text() -> None:
    """Five photos in an hour are no robot; five times the same one may be."""
    first, second = (
        InboundMessage("u", "1", "2", "", "mms", media=(f"https://media.example.com/{n}",)) for n in (1, 2)
    )
    assert text_key(first) != text_key(second)
    assert text_key(first) == text_key(first)
