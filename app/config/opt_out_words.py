"""Checks of `words` of `[opt_out]`.

A word that is written so that no message equals it would not be heard, without a word of warning (G9).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from app.config.routes import Draft
from app.config.source import Source
from app.policies.opt_out import KINDS, WORDS, OptOutOptions, OptOutWords, fold_words, spelled
from app.rules.compiler import Place
from app.suggestions import did_you_mean

_PATTERN = ("*", "|", "\n")
_MEANINGS = {"stop": "opts out", "start": "opts in again", "help": "asks for help"}


def check_words(source: Source, options: OptOutOptions, own: Iterable[Draft]) -> None:
    """Note each word of the file, and of its routes, that has no effect or another one than it seems to have."""
    tables = [(("opt_out", "words"), options), *_of_routes(own)]
    for place, one in tables:
        if source.value(place) and not source.has_unread(place):
            _check(source, place, one.words)


def _of_routes(own: Iterable[Draft]) -> Iterator[tuple[Place, OptOutOptions]]:
    for draft in own:
        if draft.options.opt_out:
            yield (*draft.place, "opt_out", "words"), draft.options.opt_out


def _check(source: Source, place: Place, words: OptOutWords) -> None:
    known = fold_words({kind: getattr(words, kind) for kind in KINDS}, ())
    removed = set(map(spelled, words.without))
    for kind in KINDS:
        for at, word in _said(source, (*place, kind), getattr(words, kind)):
            if message := _fault(word):
                source.note(at, message)
            elif spelled(word) in removed:
                source.note(at, f'"{word}" stands in `not` too; delete one of them')
            elif (meaning := known[spelled(word)]) != kind:
                source.note(at, f'"{word}" {_MEANINGS[meaning]} already; give it one meaning')
    names = [*(word for kind in KINDS for word in (*WORDS[kind], *getattr(words, kind)))]
    for at, word in _said(source, (*place, "not"), words.without):
        if message := _fault(word):
            source.note(at, message)
        elif spelled(word) not in known:
            message = f'"{word}" is no opt-out word, so there is nothing to remove; {did_you_mean(word, names)}'
            source.note(at, message, "warning")


def _said(source: Source, place: Place, words: Iterable[str]) -> Iterator[tuple[Place, str]]:
    """Each word that stands at this place, and is not taken over from `[opt_out]`."""
    written: Any = source.value(place)
    for index, word in enumerate(words if written is not None else ()):
        yield (*place, index), word


def _fault(word: str) -> str | None:
    """What is wrong with one word, or None."""
    if any(mark in word for mark in _PATTERN):
        return 'a pattern, but a whole message is compared with each word; write the words as a list: ["STOP", "ARRET"]'
    if not spelled(word):
        return "no word: no message consists of this; delete it"
    return None
