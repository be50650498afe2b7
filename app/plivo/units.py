"""Count the SMS units of a text. Plivo bills, and carriers deliver, by the unit.

GSM-7: 160 septets in one unit, 153 in each of several; the extension characters take two. Any other character makes the
whole text UCS-2: 70 code units in one, 67 in each of several; a character beyond the BMP (most emoji) takes two. A pair
is never split between units, so counting has to pack characters into units.

https://www.plivo.com/docs/messaging/concepts/encoding-and-concatenation
"""

import re
from bisect import bisect_right
from itertools import accumulate, takewhile

# 3GPP TS 23.038, default alphabet and its extension table
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM = _BASIC | _EXTENSION
_ALL_BASIC = re.compile(f"[{re.escape(''.join(sorted(_BASIC)))}]*")

_ELLIPSIS = "..."  # three GSM-7 characters; U+2026 would make the text UCS-2
_GSM_UNIT, _GSM_PART = 160, 153
_UCS_UNIT, _UCS_PART = 70, 67
_BMP = 0xFFFF


def costly(text: str) -> list[tuple[int, str]]:
    """Return the characters that GSM-7 lacks, each with its index. A single one makes the text UCS-2."""
    return [(index, character) for index, character in enumerate(text) if character not in _GSM]


def stray(text: str) -> tuple[int, str] | None:
    """Return the first character that GSM-7 lacks, with its index, or None if there is none or it must be meant.

    It is meant in a text whose letters GSM-7 lacks as well, and in one that consists of such characters.
    """
    found = costly(text)
    letters = sum(character.isalpha() for _, character in found)
    if not found or letters > len(text) // 10 + 1 or len(found) == len("".join(text.split())):
        return None
    return found[0]


def count(text: str) -> int:
    """Return the units of a text. An empty text takes one."""
    if _ALL_BASIC.fullmatch(text):  # nearly always: each character is one septet, so nothing has to be packed
        return 1 if len(text) <= _GSM_UNIT else -(-len(text) // _GSM_PART)
    if all(character in _GSM for character in text):
        return _packed([2 if character in _EXTENSION else 1 for character in text], _GSM_UNIT, _GSM_PART)
    return _packed([2 if ord(character) > _BMP else 1 for character in text], _UCS_UNIT, _UCS_PART)


def fit(text: str, most: int) -> tuple[str, int]:
    """Return the text, cut to `most` units with "..." at the end if it is longer, and its units.

    It is cut between grapheme clusters, so that no emoji, flag or letter with its marks is split.
    """
    units = count(text)
    if units <= most:
        return text, units
    from wcwidth import iter_graphemes  # noqa: PLC0415 - 20 ms, for the rare text that is too long

    ends = list(takewhile(lambda end: end <= most * _GSM_UNIT, accumulate(map(len, iter_graphemes(text)), initial=0)))
    fitting = bisect_right(ends, most, key=lambda end: count(_cut(text, end)))
    fitted = _cut(text, ends[max(fitting - 1, 0)])
    return fitted, count(fitted)


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip() + _ELLIPSIS


def _packed(sizes: list[int], unit: int, part: int) -> int:
    if sum(sizes) <= unit:
        return 1
    parts, room = 1, part
    for size in sizes:
        if size > room:
            parts, room = parts + 1, part
        room -= size
    return parts
