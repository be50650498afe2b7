"""Kind `keywords`: three forms, one order, and a cost that is the message's, not the file's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import compiler

from app import folding
from app.rules.kinds.keywords import Entry, Keyword, Keywords, KeywordsOptions, Phrases
from app.rules.outcome import Passes
from app.rules.templates import parse


async def _says(keywords: Mapping[str, str | Entry], text: str) -> str | None:
    """The answer to a text; None if the rule passes."""
    verdict = await compiler.good(KeywordsOptions(keywords))(compiler.context(text))
    return None if isinstance(verdict, Passes) else "".join(compiler.texts(verdict))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hours", "whole"),
        ("  HOURS?! ", "whole"),
        ("Öpen", "whole"),
        ("opening  HOURS", "whole"),
        ("our hours", None),
        ("hours today", None),
        ("info", "first <>"),
        ("Info: the  Menü!", "first <the  Menü!>"),
        ("INFO\npizza {shop}", "first <pizza {shop}>"),
        ("infos", None),
        ("more info", None),
        ("the price list", "any"),
        ("PRICE", "any"),
        ("what is the “price”?", "any"),
        ("pricey", None),
        ("", None),
        ("...", None),
    ],
)
async def test_three_forms(text: str, answer: str | None) -> None:
    """The form "WORD" is the whole text, "WORD *" its first word with the rest as it came, "* WORD *" any word."""
    keywords = {"HOURS | Open|Opening hours": "whole", "INFO *": "first <{rest}>", "* PRICE *": "any"}
    assert await _says(keywords, text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [("menu", "whole"), ("menu now", "first"), ("the menu", "any"), ("the menu now", "any"), ("now the menu", "any")],
)
async def test_whole_beats_first_beats_any(text: str, answer: str) -> None:
    """The narrower form wins, wherever it stands in the file."""
    assert await _says({"* MENU *": "any", "MENU *": "first", "MENU": "whole"}, text) == answer
    assert await _says({"MENU": "whole", "MENU *": "first", "* MENU *": "any"}, text) == answer


async def test_then_the_order_of_the_file_wins() -> None:
    """Of two keywords of one form the earlier line answers, not the earlier word nor the longer phrase."""
    assert await _says({"* PRICE *": "price", "* HOURS *": "hours"}, "hours and price") == "price"
    assert await _says({"* HOURS *": "hours", "* PRICE *": "price"}, "hours and price") == "hours"
    assert await _says({"INFO *": "short {rest}", "INFO MENU *": "long {rest}"}, "info menu x") == "short menu x"
    assert await _says({"INFO MENU *": "long {rest}", "INFO *": "short {rest}"}, "info menu x") == "long x"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("stop all", "whole"),
        ("STOP  ALL.", "whole"),
        ("stop", None),
        ("opt in please", "first <please>"),
        ("opt, in: please", "first <please>"),
        ("opt please in", None),
        ("what are your opening hours today", "any"),
        ("opening the hours", None),
        ("opening", None),
        ("opening hours", "any"),
    ],
)
async def test_phrases_of_several_words(text: str, answer: str | None) -> None:
    """Every form takes phrases; their words stand together and in order."""
    keywords = {"STOP ALL": "whole", "OPT IN *": "first <{rest}>", "* OPENING HOURS *": "any"}
    assert await _says(keywords, text) == answer


@pytest.mark.parametrize(
    ("text", "answer"), [("?", "help"), (" ? ", "help"), ("\u200b?", "help"), ("hours?", None), ("!", None)]
)
async def test_question_mark_may_be_a_keyword(text: str, answer: str | None) -> None:
    """A keyword that is all punctuation is that punctuation, alone."""
    assert await _says({"?": "help"}, text) == answer


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("AÇIK", "aç\u0131k"),  # Turkish: the small letter of I has no dot
        ("KAPALI", "kapal\u0131"),
        ("IŞIK", "\u0131ş\u0131k"),
        ("ŁÓDŹ", "lodz"),
        ("1", "१"),
        ("1", "\u0661"),
        ("1", "\u06f1"),
        ("1", "\uff11"),
        ("1", "1\ufe0f\u20e3"),
        ("👍", "👍\U0001f3fe"),
        ("Outreach", " \u00a0Outreach\u200b "),
        ("RESULTS", "results "),
        ("HI BOT", "hi bot"),
        ("が", "か\u3099"),
        ("CAFÉ", "cafe\u0301"),
        ("CAFE", "café"),
    ],
)
async def test_spellings_of_one_word(keyword: str, text: str) -> None:
    """What phones make of a word: other scripts' digits, letters without their stroke or dot, invisible characters."""
    assert await _says({keyword: "yes", f"{keyword} *": "first", f"* {keyword} *": "any"}, text) == "yes"
    assert await _says({f"* {keyword} *": "any"}, f"so, {text}!") == "any"


async def test_forms_may_be_mixed_in_one_line() -> None:
    """Alternatives with | may have a form each."""
    keywords = {"HELP | * HOW *": "help"}
    assert [await _says(keywords, text) for text in ("help", "so how?", "help me")] == ["help", "help", None]


async def test_value_may_be_a_table() -> None:
    """`{ text = ".." }` is the same as the text alone."""
    assert await _says({"HOURS": Entry("Open, {shop}.")}, "hours") == "Open, Roma."


async def test_reason_names_the_keyword_and_not_the_message() -> None:
    """`explain` shows which line of the file answered; the words of the person stay out of it."""
    verdict = await compiler.good(KeywordsOptions({"INFO *": "x"}))(compiler.context("info my-secret"))
    assert not isinstance(verdict, Passes)
    assert verdict.reason == "keyword 'INFO *'"
    passed = await compiler.good(KeywordsOptions({"INFO *": "x"}))(compiler.context("my-secret"))
    assert isinstance(passed, Passes)
    assert "my-secret" not in passed.reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HOURS", "hours"),
        ("HOURS", "Hours!"),
        ("CAFE", "café"),
        ("OPEN | HOURS", "hours | times"),
        ("INFO *", "info: *"),
        ("* PRICE *", "* price? *"),
        ("STOP ALL", "stop  all"),
    ],
)
def test_collisions_after_folding_are_faults(one: str, other: str) -> None:
    """Two lines that mean the same would hide one another: the later one is told, with the earlier one's name."""
    built = compiler.Bench()
    built.build(KeywordsOptions({one: "1", other: "2"}))
    ((place, message),) = built.told()
    assert place == ("keywords", other)
    assert f'means the same as "{one}"' in message


def test_same_word_in_several_forms_or_twice_in_a_line_is_no_collision() -> None:
    """Forms are apart, and an alias that folds to its neighbour harms nobody."""
    built = compiler.Bench()
    built.build(KeywordsOptions({"HOURS | hours | Hours!": "1", "HOURS *": "2", "* HOURS *": "3"}))
    assert built.noted == []


@pytest.mark.parametrize(
    "source", ["", "*", "* *", "* PRICE", "PRICE*", "*PRICE*", "A * B", "A |", "| A", "A || B", "** A **", "\u200b"]
)
def test_anything_but_the_three_forms_is_a_fault(source: str) -> None:
    """A star that is not one of the forms is never taken for a letter."""
    built = compiler.Bench()
    built.build(KeywordsOptions({source: "x"}))
    ((place, message),) = built.told()
    assert place == ("keywords", *filter(None, [source]))
    assert "is not a keyword; write" in message


@pytest.mark.parametrize(
    "source", [r"order \d+", r"\bhours", "(?i)hours", "hours.*", "[Hh]ours", "^hours", "hours$", "yes+"]
)
def test_pattern_in_a_keywords_clothes_is_warned_of(source: str) -> None:
    """Whoever writes a pattern here is told where patterns belong."""
    built = compiler.Bench()
    built.build(KeywordsOptions({source: "x"}))
    assert [place for place, message in built.told("warning") if "looks like a pattern" in message] == [
        ("keywords", source)
    ]


@pytest.mark.parametrize(
    "source", ["HOURS | OPEN", "INFO *", "* PRICE *", "?", "C'EST", "9-18", "ST. *", "E.ON", "+1", "(HI)"]
)
def test_plain_words_are_not_warned_of(source: str) -> None:
    """The warning knows the three forms and ordinary punctuation."""
    built = compiler.Bench()
    built.build(KeywordsOptions({source: "x"}))
    assert built.noted == []


def test_rest_is_known_and_other_names_are_not() -> None:
    """`{rest}` may stand in every text of a keyword; an unknown name is told at its keyword."""
    built = compiler.Bench()
    built.build(KeywordsOptions({"INFO *": "{rest}", "HOURS": "{rset}"}))
    ((place, message),) = built.told()
    assert place == ("keywords", "HOURS")
    assert "did you mean {rest}?" in message


class _Counting(dict[str, Keyword]):
    """A dict that counts how often it is asked, and does not let itself be walked through."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        message = "the keywords were walked through"
        raise AssertionError(message)


MISSED = "none of these eight is in the file"


def _keywords(count: int, phrase: str) -> tuple[Keywords, tuple[_Counting, _Counting, _Counting]]:
    maps = tuple(
        _Counting((phrase.format(index), Keyword(index, "", parse("x", {}))) for index in range(count))
        for _ in range(3)
    )
    whole, first, inside = maps
    longest, beginnings = phrase.count(" ") + 1, frozenset(MISSED.split())  # every word might begin a keyword
    starting, containing = (Phrases(found, longest, beginnings) for found in (first, inside))
    return Keywords(whole, starting, containing, False), (whole, first, inside)


@pytest.mark.parametrize(("phrase", "most"), [("word{}", (1, 1, 8)), ("two words{}", (1, 2, 15))])
def test_cost_does_not_grow_with_the_number_of_keywords(phrase: str, most: tuple[int, int, int]) -> None:
    """A message of 8 words asks as often of 10 keywords as of 10,000: once a form, once a word and phrase length."""
    for count in (10, 10_000):
        keywords, maps = _keywords(count, phrase)
        assert keywords.find(compiler.context(MISSED).message) is None
        assert tuple(counted.asked for counted in maps) == most


class _Watched(list[folding.Word]):
    """Words that remember how many of them were copied."""

    copied = 0

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        self.copied += len(found) if isinstance(index, slice) else 0
        return found


def test_cost_grows_with_the_length_of_a_message_and_not_with_its_square() -> None:
    """A text of a thousand words is not copied a thousand times."""
    words: Sequence[folding.Word] = _Watched(folding.words("word " * 1000))
    keyword = Keyword(0, "", parse("x", {}))
    assert list(Phrases({"two words": keyword}, 2, frozenset({"two", "word"})).anywhere(words)) == []
    assert isinstance(words, _Watched)
    assert words.copied <= 2 * len(words)


@given(st.text(), st.sampled_from(["INFO *", "Info MENU *"]))
async def test_rest_is_what_the_person_wrote(rest: str, source: str) -> None:
    """Whatever follows the first words comes back as it came, but for blanks at its ends."""
    assert await _says({source: "<{rest}>"}, f"{source[:-2]} {rest}") == f"<{rest.strip()}>"
