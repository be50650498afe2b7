"""Two ways to write a word are one word; two words never are."""

import itertools
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.folding import Word, digits, fold, letters, phrase, words

ALPHABETS = (
    string.ascii_letters + "àâçéèêëîïôùûüÿœæñãõöäßåøÀÇÉÑÖÜ" + "αάβγδεέΩΏσς" + "абвгдеёжзийЯЙЁ" + "ıİłđħŧþðŁĐқґҚҐ"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HOURS", "hours"),
        ("Öffnungszeiten", "OFFNUNGSZEITEN"),
        ("ÇA", "ca"),
        ("e\u0301te\u0301", "été"),  # combining accents beside ready-made letters
        ("STRASSE", "straße"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),  # both forms of sigma
        ("ЁЛКА", "елка"),
        ("\uff33\uff34\uff2f\uff30", "stop"),  # full width, as Japanese phones type it
        ("\uff76\uff9e", "ガ"),  # half-width katakana and its voicing mark
        ("\U0001d407\U0001d422", "hi"),  # mathematical letters: capital only after they are decomposed
        ("\ufb01n", "fin"),  # a ligature
        ("①", "1"),
        ("st\u200bop", "stop"),  # zero-width space
        ("\ufeffstop\u2060", "stop"),
        ("\u202estop\u202c", "stop"),  # direction marks
        ("so\u00adft", "soft"),  # soft hyphen
        ("❤\ufe0f", "❤"),  # emoji style
        ("e\u2011mail", "e-mail"),  # a hyphen that breaks no line
        ("9\u201318", "9-18"),
        ("HOURS\u00b4", "hours"),  # an acute accent typed for an apostrophe
        ("AÇIK", "aç\u0131k"),  # Turkish: a capital I is a dotless one
        ("KAPALI", "kapal\u0131"),
        ("IŞIK", "\u0131ş\u0131k"),
        ("İPTAL", "iptal"),
        ("ŁÓDŹ", "lodz"),  # letters that Unicode does not decompose
        ("Đakovo", "dakovo"),
        ("SMØRREBRØD", "smorrebrod"),
        ("Ħobż", "hobz"),
        ("Ŧ", "t"),
        ("ǿ", "o"),
        ("Æbler", "aebler"),
        ("cœur", "COEUR"),
        ("Þórð", "thord"),
        ("ҚАЗАҚ", "казак"),
        ("ґанок", "ГАНОК"),
        ("१", "1"),  # Devanagari, Arabic, Persian
        ("\u0661", "1"),
        ("۱۲", "12"),
        ("๙", "9"),  # Thai
        ("1\ufe0f\u20e3", "1"),  # a keycap
        ("❶", "1"),
        ("👍\U0001f3fd", "👍"),  # a skin tone
        ("♥\ufe0e", "♥\ufe0f"),
        ("葛\U000e0100", "葛"),  # a variation selector for ideographs
        ("ho\x00urs\x1b", "hours"),  # control characters
        ("\x9bhours\x80", "hours"),
        ("\ufffchours", "hours"),  # where an attachment stood
        ("\u2800hours\u2800", "hours"),  # an empty braille cell
        ("\u3164hours\uffa0\u115f", "hours"),  # Hangul fillers, which are letters to Unicode
        ("\u180ehours\U000e0041", "hours"),
    ],
)
def test_ways_to_write_a_word_are_one(one: str, other: str) -> None:
    """Case, accents, width, ligatures and what cannot be seen do not count."""
    assert phrase(one) == phrase(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("की", "का"),  # Devanagari vowels are marks
        ("กา", "กี"),  # Thai
        ("அவா", "அவி"),  # Tamil
        ("か", "が"),  # Japanese voicing
        ("한", "하"),  # Hangul finals
        ("شَ", "شُ"),  # Arabic vowels, where they are written
        ("yes", "yet"),
        ("1", "2"),
        ("👍", "👎"),
        ("don't", "dont"),
        ("9-18", "918"),
    ],
)
def test_other_words_stay_other_words(one: str, other: str) -> None:
    """Marks that carry vowels in other scripts stay, and so does punctuation inside a word."""
    assert phrase(one) != phrase(other)


@pytest.mark.parametrize(
    "text",
    [
        "hours",
        "Hours?",
        "¿hours?",
        "«HOURS»",
        "  hours\n",
        "(hours)",
        "*hours*",
        "...hours!!",
        "“Hours”",
        "\u2013 hours \u2013",
    ],
)
def test_surrounding_punctuation_does_not_count(text: str) -> None:
    """What stands around a word is no part of it, even as a word of its own."""
    assert phrase(text) == "hours"


@pytest.mark.parametrize(
    ("text", "folded"), [("?", "?"), (" ! ", "!"), ("?!", "?!"), ("? !", "? !"), ("", ""), (" \t", ""), ("\u200b", "")]
)
def test_text_of_punctuation_only_keeps_it(text: str, folded: str) -> None:
    """A lone "?" is a word; nothing at all is none."""
    assert phrase(text) == folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Opt-Out!", "opt out"),
        ("«Arrêt»", "arret"),
        ("stop = \U0001f6d1", "stop"),
        ("st\u00adop\n", "stop"),
        ("९-18", "9 18"),
        ("की, का", "की का"),
        ("停止。", "停止"),
        ("?!", ""),
        ("", ""),
    ],
)
def test_letters_leave_out_all_but_letters_and_digits(text: str, expected: str) -> None:
    """Runs of folded letters and digits, marks of other scripts included, with one blank between them."""
    assert letters(text) == expected


@given(st.text())
def test_letters_hold_nothing_else(text: str) -> None:
    """Whatever comes, only letters, marks, numbers and single blanks are left, and letters of letters are the same."""
    found = letters(text)
    assert found.split() == [run for run in found.split(" ") if run]
    assert {unicodedata.category(character)[0] for character in found if character != " "} <= set("LMN")
    assert letters(found) == found


@given(st.text())
def test_digits_keep_everything_else_in_place(text: str) -> None:
    """Each character stays where it was; only decimal digits of other scripts are written as ours."""
    found = digits(text)
    assert len(found) == len(text)
    for before, after in zip(text, found, strict=True):
        assert after == before or (after in string.digits and unicodedata.decimal(before) == int(after))
    assert not [character for character in found if character.isdecimal() and not character.isascii()]


def test_word_knows_where_it_ends_in_the_text_as_it_came() -> None:
    """Positions belong to the text of the person, however much folding makes longer or shorter."""
    text = "\u200bStraße,  \uff29\uff2e\uff26\uff2f: ﬁn!"
    assert words(text) == (Word("strasse", 8), Word("info", 15), Word("fin", 19))


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """`fold` and `phrase` are idempotent, so a keyword of the file meets a word of a message."""
    assert fold(fold(text)) == fold(text)
    assert phrase(phrase(text)) == phrase(text)


@given(st.text())
def test_no_word_holds_a_blank_and_words_are_in_order(text: str) -> None:
    """A phrase splits at blanks into exactly its words, and each ends within the text, behind the one before."""
    found = words(text)
    assert phrase(text).split() == [word.folded for word in found]
    ends = [0, *(word.end for word in found)]
    assert all(before < after <= len(text) for before, after in itertools.pairwise(ends))


@given(st.text(ALPHABETS, min_size=1))
def test_case_does_not_count(word: str) -> None:
    """Upper, lower and mixed case of Latin, Greek and Cyrillic are one."""
    assert fold(word) == fold(word.upper()) == fold(word.lower()) == fold(word.swapcase())


@given(
    st.lists(st.text(ALPHABETS, min_size=1), min_size=1),
    st.sampled_from("\u0300\u0301\u0308\u030a\u0327\u200b\u200d\u2060\ufe0f"),
)
def test_accents_and_invisible_characters_do_not_count(letters: list[str], mark: str) -> None:
    """An accent or a zero-width character behind any letter changes nothing."""
    assert phrase(mark.join(letters)) == phrase("".join(letters))
