"""Text from strangers for a terminal: what could move the cursor, turn the line around or hide becomes an escape.

That is control characters, bidirectional marks and characters without width: Unicode TR 36, CVE-2021-42574.
"""

import json
import re
import unicodedata

_UNUSUAL = re.compile(r"[^ -~]")  # printable ASCII is safe, and most of what is printed
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters, marks and a symbol by category
_UNUSUAL_IN_JSON = re.compile(r"[^ -~\n]")  # its line ends are json's own: those of texts are escaped by it


def escaped(text: str) -> str:
    r"""The text on one line: ESC as \x1b, a line end as \n, a right-to-left override as \u202e."""
    return _UNUSUAL.sub(lambda found: _in_python(found[0]), text)


def escaped_json(document: str) -> str:
    r"""A JSON document in which the same characters are \u escapes; it says what it said."""
    return _UNUSUAL_IN_JSON.sub(lambda found: _in_json(found[0]), document)


def _in_python(character: str) -> str:
    return character if is_safe(character) else character.encode("unicode_escape").decode()


def _in_json(character: str) -> str:
    return character if is_safe(character) else json.dumps(character)[1:-1]


def is_safe(character: str) -> bool:
    """Visible, or a blank with a width: letters of every script and emoji are; the joiners inside emoji are not."""
    if character in _INVISIBLE:
        return False
    return character.isprintable() or unicodedata.category(character) == "Zs"
