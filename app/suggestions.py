"""Suggestions for names that do not exist."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return advice on a word that is not among the known ones: the nearest of them, else all of them."""
    words = sorted(known)
    if near := suggestion(word, words):
        return f'did you mean "{near}"?'
    return f"known: {', '.join(words)}" if words else "there is none"


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that an unknown one may have meant."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)
