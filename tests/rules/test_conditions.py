"""Conditions: `match` on the text, `from` on the sender. All must hold before an action is asked."""

import pytest
from support import compiler

from app.rules.conditions import ConditionOptions
from app.rules.kinds.text import TextOptions
from app.rules.outcome import Answers, Passes


async def _matches(pattern: str, text: str) -> bool:
    verdict = await compiler.good(TextOptions("yes"), ConditionOptions(match=pattern))(compiler.context(text))
    assert isinstance(verdict, Answers | Passes)
    return isinstance(verdict, Answers)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("order", "my ORDER, please", True),
        ("ORDER", "my order", True),
        ("été", "ÉTÉ", True),
        ("^order$", "order", True),
        ("^order", "my order", False),
        ("order$", "order now", False),
        (r"order\s+\d{4,8}", "order  12345", True),
        (r"order\s+\d{4,8}", "order 123", False),
        ("(?-i)order", "ORDER", False),
        ("a.c", "a\nc", False),
        ("", "anything", True),
        ("", "", True),
        ("\\p{Greek}", "αβγ", True),
        ("x\\x00y", "x\0y", True),
        (r"^\d$", "१", True),  # Devanagari, Arabic, Persian, full width
        (r"^\d$", "\u0661", True),
        (r"^\d$", "\u06f1", True),
        (r"order \d{4}", "order \uff11\uff12\uff13\uff14", True),
        (r"\b12\b", "١٢", True),
        ("^[\u0966-९]+$", "१२", True),  # a pattern may be written with them
        ("^[\u0966-९]+$", "12", True),
        (r"^\d$", "x", False),
        (r"^\D$", "१", False),
    ],
)
async def test_match_searches_whatever_the_case(pattern: str, text: str, *, found: bool) -> None:
    """A pattern is found anywhere in the text, in any case, unless it says otherwise itself."""
    assert await _matches(pattern, text) is found


async def test_named_groups_are_names_for_texts() -> None:
    """What a group caught stands in the answer as it came, braces and all."""
    rule = compiler.good(
        TextOptions("Order {number} of {who}."), ConditionOptions(match=r"order (?P<number>\d+) (?P<who>\S+)")
    )
    assert compiler.texts(await rule(compiler.context("Order 17 {shop}"))) == ["Order 17 of {shop}."]


async def test_digits_that_a_group_caught_are_0_to_9() -> None:
    """The number of an order means the same to the systems behind, in whatever script it was typed."""
    rule = compiler.good(TextOptions("{number}"), ConditionOptions(match=r"(?P<number>\d{4})"))
    assert compiler.texts(await rule(compiler.context("ऑर्डर १२३४"))) == ["1234"]


async def test_group_that_took_no_part_is_empty() -> None:
    """An optional group that did not match leaves nothing, not the word None."""
    rule = compiler.good(TextOptions("<{number}>"), ConditionOptions(match=r"order(?: (?P<number>\d+))?"))
    assert compiler.texts(await rule(compiler.context("order please"))) == ["<>"]
    assert compiler.texts(await rule(compiler.context("order 17"))) == ["<17>"]


async def test_group_is_known_to_its_own_rule_only() -> None:
    """A name that one rule catches is no name of the next rule."""
    caught = compiler.context("order 17")
    rule = compiler.good(TextOptions("{number}"), ConditionOptions(match=r"(?P<number>\d+)"))
    await rule(caught)
    assert "number" not in caught.values


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("(order", "missing )"),
        ("[a-", "missing ]"),
        ("*", "no argument for repetition operator"),
        ("order(?=s)", "RE2 has no look-around"),
        ("(?!spam)order", "RE2 has no look-around"),
        ("(?<=my )order", "RE2 has no look-around"),
        (r"(a)\1", "no back-references"),
        ("((a{100}){100}){100}", "not an RE2 pattern"),
    ],
)
def test_bad_pattern_is_refused_with_help(pattern: str, part: str) -> None:
    """What RE2 does not know is told with the file, in RE2's words and ours."""
    built = compiler.Bench()
    built.build(TextOptions("yes"), ConditionOptions(match=pattern))
    ((place, message),) = built.told()
    assert place == ("match",)
    assert part in message
    assert "RE2 has no look-around and no back-references" in message


@pytest.mark.parametrize("name", ["text", "from", "to", "rest", "route", "message_uuid"])
def test_group_may_not_take_a_name_that_texts_know(name: str) -> None:
    """A group called text would change what {text} means in one rule."""
    built = compiler.Bench()
    built.build(TextOptions("yes"), ConditionOptions(match=f"(?P<{name}>x)"))
    assert built.told() == [(("match",), f"a group cannot be called {name}; that name is built in")]


@pytest.mark.parametrize(
    ("wanted", "sender", "holds"),
    [
        ("+33700000001", "33700000001", True),
        ("+33 7 00 00 00 01", "33700000001", True),
        ("33700000001", "33700000001", True),
        ("+33700000001", "33700000002", False),
        ("+3370000000", "33700000001", False),
        ("38010", "38010", True),
        ("+3389*", "33891234567", True),
        ("+33 89*", "33891234567", True),
        ("3389*", "33891234567", True),
        ("+3389*", "33700000001", False),
        ("+3389*", "13389000000", False),
        ("+38*", "38010", False),  # a short code is no number of a country
        ("+682*", "68271234", True),
        ("+683*", "6834123", True),
        ("+682*", "6827123", False),  # a digit less is a short code
        ("short-code", "68271234", False),
        ("short-code", "12345678", True),
        ("MTN", "MTN", True),
        ("MTN", "MTNL", False),
        ("5215512345678", "5215512345678", True),
        ("short-code", "38010", True),
        ("short-code", "911", True),
        ("short-code", "33700000001", False),
        ("short-code", "AMAZON", False),
        ("alphanumeric", "AMAZON", True),
        ("alphanumeric", "3M", True),
        ("alphanumeric", "38010", False),
        ("alphanumeric", "33700000001", False),
    ],
)
async def test_from_knows_numbers_prefixes_and_kinds_of_senders(wanted: str, sender: str, *, holds: bool) -> None:
    """`from` is a number however written, a prefix, "short-code" or "alphanumeric"."""
    verdict = await compiler.good(TextOptions("yes"), ConditionOptions(sender=(wanted,)))(
        compiler.context(sender=sender)
    )
    assert verdict == Passes("from: the sender is not listed") if not holds else isinstance(verdict, Answers)


@pytest.mark.parametrize(
    ("wanted", "sender"),
    [("+525512345678", "5215512345678"), ("+5215512345678", "525512345678"), ("+5215512345678", "5215512345678")],
)
async def test_from_knows_a_person_by_both_forms_of_the_number(wanted: str, sender: str) -> None:
    """Plivo also sends the older form of Mexican, Argentine and Brazilian numbers."""
    rule = compiler.good(TextOptions("yes"), ConditionOptions(sender=(wanted,)))
    assert isinstance(await rule(compiler.context(sender=sender)), Answers)


async def test_one_of_several_senders_is_enough() -> None:
    """A list of senders is an or."""
    rule = compiler.good(TextOptions("yes"), ConditionOptions(sender=("+33700000001", "alphanumeric")))
    assert [
        isinstance(await rule(compiler.context(sender=one)), Answers) for one in ("33700000001", "AMAZON", "38010")
    ] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("sender", ["AMA*", "*", "+*", "33-x*", "٣٣*", "06*", "0033*"])
def test_prefix_that_could_never_match_is_a_fault(sender: str) -> None:
    """A prefix is digits from the country code on; a national one would wait for ever."""
    built = compiler.Bench()
    built.build(TextOptions("yes"), ConditionOptions(sender=(sender,)))
    ((place, message),) = built.told()
    assert place == ("from", 0)
    assert "+3389*" in message


@pytest.mark.parametrize(
    ("text", "sender", "verdict"),
    [
        ("order", "33700000001", None),
        ("order", "38010", "from: the sender is not listed"),
        ("hello", "33700000001", "match: pattern not found"),
        ("hello", "38010", "from: the sender is not listed"),
    ],
)
async def test_all_conditions_must_hold(text: str, sender: str, verdict: str | None) -> None:
    """One condition that does not hold is enough to pass, with its reason and without the text."""
    rule = compiler.good(TextOptions("yes"), ConditionOptions(match="order", sender=("+33700000001",)))
    said = await rule(compiler.context(text, sender))
    assert said == Passes(verdict) if verdict else isinstance(said, Answers)


def test_rule_with_a_condition_may_pass() -> None:
    """Only an unconditional text hides the rules behind it."""
    assert compiler.good(TextOptions("yes")).always_answers
    assert not compiler.good(TextOptions("yes"), ConditionOptions(match="x")).always_answers
    assert not compiler.good(TextOptions("yes"), ConditionOptions(sender=("38010",))).always_answers


async def test_pattern_cannot_run_away() -> None:
    """A pattern that takes a backtracking engine for ever is linear in RE2: a long stranger's text is no weapon."""
    assert not await _matches("^(a+)+$", "a" * 5000 + "!")
