"""Why a text costs as many SMS units as it does."""

import unicodedata

from app.plivo import units

NAMED = 5  # characters


def units_in_words(text: str) -> str:
    """Return the units of a text, its alphabet, and the characters that make it cost more."""
    count = units.count(text)
    costly = list(dict.fromkeys(character for _, character in units.costly(text)))
    size = f"{count} {'unit' if count == 1 else 'units'}, {len(text)} characters in {'UCS-2' if costly else 'GSM-7'}"
    if not costly:
        return size
    named = ", ".join(map(_name, costly[:NAMED])) + (f" and {len(costly) - NAMED} more" if len(costly) > NAMED else "")
    without = units.count("".join(character for character in text if character not in costly))
    return f"{size} because of {named}; {without} without"


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, '').lower()}".rstrip()
