"""When two texts are the same word to a person: case, accents, width, punctuation around words,
and characters that cannot be seen do not count.
"""

import re
import unicodedata
from dataclasses import dataclass

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc", "'"))  # phones write don\u2019t for don't
_words = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word and where it ends in the text as it came."""

    folded: str
    end: int


def words(text: str) -> tuple[Word, ...]:
    """The words of a text that has any; of one that is all punctuation, that punctuation ("?")."""
    # a spacing accent (U+00B4 for an apostrophe) folds to a blank; a word holds none
    found = [("".join(fold(match[0]).split()), match.end()) for match in _words.finditer(text)]
    stripped = tuple(Word(word, end) for raw, end in found if (word := _strip_punctuation(raw)))
    return stripped or tuple(Word(raw, end) for raw, end in found if raw)


def phrase(text: str) -> str:
    """The whole text as one key."""
    return " ".join(word.folded for word in words(text))


def fold(text: str) -> str:
    """One form for all ways to write a word. Idempotent."""
    if text.isascii():
        return text.lower()
    folded = text
    while (again := _fold_once(folded)) != folded:
        folded = again
    return folded


def _fold_once(text: str) -> str:
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
        if not _is_accent(character) and unicodedata.category(character) != "Cf"  # Cf: zero-width, bidi, soft hyphen
    )


def _is_accent(character: str) -> bool:
    # U+0300..U+036F: the accents of Latin, Greek and Cyrillic. Marks of other scripts carry
    # vowels and stay. U+FE00..U+FE0F choose between text and emoji style.
    return "\u0300" <= character <= "\u036f" or "\ufe00" <= character <= "\ufe0f"


def _strip_punctuation(word: str) -> str:
    start, end = 0, len(word)
    while start < end and unicodedata.category(word[start])[0] == "P":
        start += 1
    while end > start and unicodedata.category(word[end - 1])[0] == "P":
        end -= 1
    return word[start:end]
