"""Fold texts so that two spellings of a word compare equal.

Folding ignores case, accents, width, punctuation around words, the script of digits, emoji variants and invisible
characters.
"""

import re
import unicodedata
from functools import lru_cache

from app.frozen import frozen

# What phones and word processors make of ' and -: don\u2019t for don't, e\u2011mail for e-mail
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("\u2018\u2019\u02bc", "'") | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
)
_ASCII_PUNCTUATION = "".join(one for one in map(chr, range(128)) if unicodedata.category(one)[0] == "P")
_words = re.compile(r"\S+")
_ascii_runs = re.compile(r"[a-z0-9]+")

# Letters that Unicode does not decompose, and what people without such a key type instead. Letters with "WITH" in
# their names (l with stroke, d with stroke, ..) are found by name.
_LETTERS = {"\u0131": "i", "ȷ": "j", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
_WITH = re.compile(r"(LATIN|CYRILLIC) SMALL LETTER (.+?) WITH ")

_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_DEFAULT_IGNORABLE = (  # from Unicode's DerivedCoreProperties.txt, without those of category Cf
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
_BLANKS = "\u2800\ufffc"  # the empty braille cell, and the placeholder of an attachment
_UNSEEN = re.compile(f"[{_DEFAULT_IGNORABLE}{_BLANKS}{_SKIN_TONES}]")
_UNSEEN_CATEGORIES = {"Cf", "Cc", "Me"}  # zero-width, bidi, soft hyphen; control characters; keycaps and circles


@frozen
class Word:
    """A folded word, and the index at which it ends in the original text."""

    folded: str
    end: int


def words(text: str) -> tuple[Word, ...]:
    """Return the folded words of a text or, if it has nothing but punctuation ("?"), that punctuation."""
    if text.isascii() and text.isprintable():
        found = [(match[0], match.end()) for match in _words.finditer(text.lower())]
        stripped = [Word(word, end) for raw, end in found if (word := raw.strip(_ASCII_PUNCTUATION))]
    else:  # a spacing accent (U+00B4 typed as an apostrophe) folds to a blank; words contain none
        found = [("".join(fold(match[0]).split()), match.end()) for match in _words.finditer(text)]
        stripped = [Word(word, end) for raw, end in found if (word := _strip_punctuation(raw))]
    return tuple(stripped or [Word(raw, end) for raw, end in found if raw])


def phrase(text: str) -> str:
    """Return the folded words of a text as one key, joined by single blanks."""
    return " ".join(word.folded for word in words(text))


def letters(text: str) -> str:
    """Return the folded runs of letters and digits of a text, joined by single blanks. Everything else is left out."""
    if text.isascii() and text.isprintable():
        return " ".join(_ascii_runs.findall(text.lower()))
    return " ".join("".join(map(_letter_or_blank, fold(text))).split())


def digits(text: str) -> str:
    """Return the text with the decimal digits of every script replaced by 0 to 9. Its length does not change."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(character, character)) for character in text)


def fold(text: str) -> str:
    """Return the one form that stands for all spellings of a text. Idempotent."""
    if text.isascii() and text.isprintable():
        return text.lower()
    folded = text
    while (again := _fold_once(folded)) != folded:
        folded = again
    return folded


def _fold_once(text: str) -> str:
    return "".join(map(_fold_character, unicodedata.normalize("NFKD", text.translate(_TYPOGRAPHY).casefold())))


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Return the replacement of a character that is decomposed and in lower case."""
    if character.isspace():
        return character
    if _is_accent(character) or _UNSEEN.match(character) or unicodedata.category(character) in _UNSEEN_CATEGORIES:
        return ""
    if (digit := unicodedata.digit(character, None)) is not None:
        return str(digit)
    return _LETTERS.get(character) or _without_stroke(character)


@lru_cache(maxsize=4096)
def _letter_or_blank(character: str) -> str:
    return character if unicodedata.category(character)[0] in "LMN" else " "


def _is_accent(character: str) -> bool:
    # U+0300..U+036F: the accents of Latin, Greek and Cyrillic. Marks of other scripts carry vowels and are kept.
    return "\u0300" <= character <= "\u036f"


def _without_stroke(character: str) -> str:
    found = _WITH.match(unicodedata.name(character, ""))
    if not found:
        return character
    try:
        return unicodedata.lookup(f"{found[1]} SMALL LETTER {found[2]}")
    except KeyError:
        return character


def _strip_punctuation(word: str) -> str:
    start, end = 0, len(word)
    while start < end and unicodedata.category(word[start])[0] == "P":
        start += 1
    while end > start and unicodedata.category(word[end - 1])[0] == "P":
        end -= 1
    return word[start:end]
