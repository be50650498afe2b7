"""Suggestions for names that do not exist."""

import difflib
from collections.abc import Iterable

SHOWN = 20  # names


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return advice on a word that is not among the known ones: the nearest of them, else the first of them."""
    words = sorted(known)
    if near := suggestion(word, words):
        return f'did you mean "{near}"?'
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"known: {', '.join(words[:SHOWN])}{more}" if words else "there is none"


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that an unknown one may have meant."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)
