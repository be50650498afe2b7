"""Recognise reactions that a phone sends as a text: `Liked "Open 9-18."`, `👍 to "Open 9-18."`. Pure.

Nobody expects a reply to a reaction. But only a text that quotes something we sent is certainly one, so the quote is
compared with our last texts to this person (`Usage.texts`). Any other text is an ordinary message.

The English forms are those of iOS and Google Messages, the others those of iOS.
"""

import re
from collections.abc import Iterable
from typing import Literal

from app import folding
from app.frozen import frozen

Reactions = Literal["ignore", "answer"]

ANSWERS = 10  # how many of our last replies to a person a reaction may quote
QUOTES_OUR_REPLY = "a reaction that quotes our own answer"
PICTURE = "a reaction to a picture"

_OPENING = "\"'\u201c\u201e\u2018\u201a\u00ab"
_CLOSING = "\"'\u201d\u201c\u2019\u2018\u00bb"  # German closes with the mark that opens in English
_CUT = ("\u2026", "...")
_SYMBOLS = rf"[^\w{_OPENING}{_CLOSING}]{{1,24}}"  # an emoji, and invisible characters around it
_VERBS = (
    *("liked", "loved", "disliked", "laughed at", "emphasi[sz]ed", "questioned"),
    "removed an? (?:like|heart|dislike|laugh|exclamation|question mark) from",
    *("gefällt", "a aimé", "le gustó", "le encantó", "le dio risa", "exclamó por", "dudó sobre"),
)
_WITH_EMOJI = (
    rf"reacted (?:with )?(?:{_SYMBOLS}|a sticker )to",
    rf"removed {_SYMBOLS}from",
    rf"{_SYMBOLS}to",
    rf"a réagi avec {_SYMBOLS}à",
    rf"reaccionó con {_SYMBOLS}a",
)
_BEFORE = "|".join((*_VERBS, *_WITH_EMOJI))
_OF_A_QUOTE = re.compile(rf"\W{{0,4}}(?:{_BEFORE})\s*[{_OPENING}](?P<quote>.+)", re.IGNORECASE | re.DOTALL)
_OF_A_PICTURE = re.compile(
    rf"\W{{0,4}}(?:{_BEFORE}) (?:an image|a photo|a picture|a movie|a video|an audio message|an attachment|a sticker)",
    re.IGNORECASE,
)


@frozen
class Reaction:
    """What a reaction quotes, folded. `cut` means only the beginning of a text; `quote` is None for a picture."""

    quote: str | None
    cut: bool = False


def read(text: str) -> Reaction | None:
    """Return the reaction that the text looks like, or None."""
    text = text.strip()
    if _OF_A_PICTURE.fullmatch(text):
        return Reaction(None)
    found = _OF_A_QUOTE.match(text)
    if not found:
        return None
    quote = found["quote"].rstrip(f"{_CLOSING} \u00a0\u202f")
    cut = found["quote"][-1] not in _CLOSING or quote.endswith(_CUT)
    folded = folding.phrase(quote)
    return Reaction(folded, cut) if folded else None


def quotes(reaction: Reaction, answers: Iterable[str]) -> bool:
    """Return whether the reaction quotes one of these texts, or the beginning of one if it is cut."""
    if reaction.quote is None:
        return False
    ours = [folding.phrase(text) for text in answers]
    return any(text == reaction.quote or (reaction.cut and text.startswith(reaction.quote)) for text in ours)
