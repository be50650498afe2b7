"""G8, pure: rates, spending caps, and what they silence."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plivo.messages import InboundMessage
from app.plivo.numbers import canonical
from app.policies.limits import LimitOptions, Rate, RouteLimits, exceeded, for_route, near_limit, text_key
from app.policies.usage import Budget, Conversation, PastReply, Usage

NOW = 1_772_442_000.0
HERE = Conversation("33644600000", "33700000001")


def _key(text: str, media: tuple[str, ...] = ()) -> str:
    message = InboundMessage.of("u", "1", "2", text, media=media)
    return text_key(message.phrase, message.media)


HELLO = _key("hello")


def _limits(
    per_sender: tuple[Rate, ...] = (),
    same_text: tuple[Rate, ...] = (),
    total: tuple[Rate, ...] = (),
    exempt: tuple[str, ...] = (),
    own_total: tuple[Rate, ...] = (),
) -> RouteLimits:
    common = LimitOptions(per_sender, same_text, total, 3, exempt)
    return for_route(common, "shop", replace(common, total=own_total))


def _usage(replies: Iterable[tuple[float, str]] = (), spent: dict[Budget, int] | None = None) -> Usage:
    return Usage(replies={HERE: [PastReply(at, key) for at, key in replies]}, spent=spent or {})


def _exceeded(limits: RouteLimits, usage: Usage, units: int = 1, now: float = NOW) -> str | None:
    return exceeded(limits, usage, HERE, now, HELLO, units)


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
    limits = _limits(per_sender=(Rate(3, 60.0),), same_text=(Rate(2, 60.0),))
    assert _exceeded(limits, _usage(replies)) == reason


def test_replies_to_another_person_or_from_another_number_do_not_count() -> None:
    """What is counted is one conversation."""
    limits, usage = _limits(per_sender=(Rate(1, 60.0),)), Usage()
    usage.note_reply(Conversation(HERE.number, "33700000002"), PastReply(NOW, HELLO))
    usage.note_reply(Conversation("33644600001", HERE.person), PastReply(NOW, HELLO))
    assert _exceeded(limits, usage) is None
    usage.note_reply(HERE, PastReply(NOW, HELLO))
    assert _exceeded(limits, usage) == "limit: per_sender 1/1m"


def test_every_rate_of_a_list_counts() -> None:
    """`per_sender = ["2/1m", "3/1h"]`: the tighter one speaks, the longer one too."""
    limits = _limits(per_sender=(Rate(2, 60.0), Rate(3, 3600.0)))
    minutes = [(NOW - 100.0 * index, "x") for index in range(1, 4)]
    assert _exceeded(limits, _usage(minutes[:2])) is None
    assert _exceeded(limits, _usage(minutes)) == "limit: per_sender 3/1h"
    assert _exceeded(limits, _usage([(NOW, "x"), (NOW, "x")])) == "limit: per_sender 2/1m"


@pytest.mark.parametrize(
    ("spent", "units", "over"), [(0, 10, False), (0, 11, True), (9, 1, False), (9, 2, True), (10, 1, True)]
)
def test_spending_cap_is_never_passed(spent: int, units: int, *, over: bool) -> None:
    """The bill stays within the cap: an answer that does not fit any more is not given."""
    usage = _usage(spent={Budget("", 60.0): spent})
    assert _exceeded(_limits(total=(Rate(10, 60.0),)), usage, units) == ("limit: total 10/1m" if over else None)


@pytest.mark.parametrize(
    ("own_total", "caps"),
    [
        ((Rate(5, 60.0),), [(Budget("", 60.0), "10/1m"), (Budget("route shop", 60.0), "5/1m")]),
        ((), [(Budget("", 60.0), "10/1m")]),
    ],
)
def test_cap_of_a_route_stands_beside_the_common_one(
    own_total: tuple[Rate, ...], caps: list[tuple[Budget, str]]
) -> None:
    """A route's own total is one more cap, which spares the others; what is looked up are both."""
    limits = _limits(total=(Rate(10, 60.0),), own_total=own_total)
    assert [(budget, str(rate)) for budget, rate in limits.caps] == caps
    assert limits.budgets == tuple(budget for budget, _ in caps)
    assert limits.scopes == {budget.scope for budget, _ in caps}


def test_a_used_up_cap_of_a_route_is_named() -> None:
    """It silences its route only; the common one silences every route."""
    shop, other = (_limits(total=(Rate(10, 60.0),), own_total=own) for own in ((Rate(5, 60.0),), ()))
    used_up = _usage(spent={Budget("", 60.0): 5, Budget("route shop", 60.0): 5})
    assert _exceeded(shop, used_up) == "limit: total 5/1m of route shop"
    assert _exceeded(other, used_up) is None
    assert _exceeded(shop, _usage(spent={Budget("", 60.0): 10})) == "limit: total 10/1m"


def test_exempt_person_is_never_limited() -> None:
    """A test phone is not counted out, its replies are not even looked up; but it spends like anybody."""
    limits = _limits((Rate(1, 60.0),), (Rate(1, 60.0),), (Rate(1, 60.0),), (HERE.person,))
    assert _exceeded(limits, _usage([(NOW, HELLO)] * 9)) is None
    assert _exceeded(limits, _usage(spent={Budget("", 60.0): 9})) == "limit: total 1/1m"
    assert (limits.window_of(HERE.person), limits.window_of("33700000002")) == (0.0, 60.0)


def test_exempt_person_is_known_by_both_forms_of_the_number() -> None:
    """Usage is counted by the canonical number, so an exemption is, too."""
    assert _limits(exempt=("5215512345678",)).exempt == {canonical("5215512345678")} == {"525512345678"}


def test_window_is_that_of_the_longest_rate() -> None:
    """What is looked up covers every rate of replies; without rates nothing is."""
    limits = _limits(per_sender=(Rate(1, 60.0), Rate(9, 3600.0)), same_text=(Rate(1, 600.0),), total=(Rate(1, 9e9),))
    assert limits.window_of(HERE.person) == 3600.0
    assert _limits().window_of(HERE.person) == 0.0


@pytest.mark.parametrize(
    ("before", "units", "told"), [(0, 7, False), (7, 1, True), (0, 8, True), (8, 1, False), (9, 1, False), (6, 4, True)]
)
def test_cap_is_told_once_at_80_percent(before: int, units: int, *, told: bool) -> None:
    """One warning, with the answer that takes it over; in time to do something."""
    usage = _usage(spent={Budget("", 60.0): before})
    assert near_limit(_limits(total=(Rate(10, 60.0),)), usage, units) == ("total 10/1m" if told else None)


def test_cap_of_a_route_near_its_limit_is_named() -> None:
    """Whoever reads the warning knows which route spends."""
    limits = _limits(total=(Rate(1000, 60.0),), own_total=(Rate(10, 60.0),))
    assert near_limit(limits, _usage(spent={Budget("route shop", 60.0): 7}), 1) == "total 10/1m of route shop"


@pytest.mark.parametrize("text", ["HELLO", " hello ", "Hello!", "héllo", "hel\u200blo", "\uff48ello"])
def test_a_robot_cannot_write_the_same_words_in_other_clothes(text: str) -> None:
    """same_text counts words, not bytes; the key tells nobody what they were."""
    assert _key(text) == HELLO
    assert _key("hello 2") != HELLO
    assert len(HELLO) == 16
    assert "hello" not in HELLO


def test_pictures_without_words_are_not_one_text() -> None:
    """Five photos in an hour are no robot; five times the same one may be."""
    first, second = ((f"https://media.example.com/{number}",) for number in (1, 2))
    assert _key("", first) != _key("", second)
    assert _key("", first) == _key("", first)


RATES = st.builds(Rate, st.integers(1, 4), st.integers(1, 30).map(float))
TIMES = st.lists(st.integers(0, 120).map(float), max_size=40)


@given(st.lists(RATES, min_size=1, max_size=3), TIMES)
def test_no_window_holds_more_answers_than_its_rate(rates: list[Rate], times: list[float]) -> None:
    """G8: in whatever order messages are admitted, no window of a rate ever holds more than its count."""
    limits, usage = _limits(per_sender=tuple(rates)), Usage()
    for at in times:
        if _exceeded(limits, usage, now=at) is None:
            usage.note_reply(HERE, PastReply(at, "x"))
    answered = sorted(reply.at for reply in usage.replies.get(HERE, []))
    for rate in rates:
        for first, last in zip(answered, answered[rate.count :], strict=False):
            assert last - first >= rate.seconds


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 40))
def test_no_cap_is_ever_passed_and_it_is_told_at_most_once(costs: list[int], count: int) -> None:
    """G8: whatever answers cost, their sum in the window stays within the cap; the warning comes once."""
    limits, budget = _limits(total=(Rate(count, 60.0),)), Budget("", 60.0)
    usage = _usage(spent={budget: 0})
    sums, warnings = [0], 0
    for units in costs:
        if _exceeded(limits, usage, units) is None:
            warnings += near_limit(limits, usage, units) is not None
            usage.note_units(limits.scopes, units)
            sums.append(usage.spent[budget])
    assert sums[-1] <= count
    assert warnings == sum(before < 0.8 * count <= after for before, after in pairwise(sums))
    assert warnings <= 1
