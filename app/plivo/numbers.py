"""Addresses: the values of From, To, src and dst.

Inside the service an address is a string as Plivo's XML expects it: digits without "+" for a phone number or a short
code, anything else for an alphanumeric sender. People see E.164.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

AddressKind = Literal["number", "short-code", "alphanumeric"]

SHORT_CODE_DIGITS = range(3, 9)  # carriers assign 3 to 8 digits
NUMBER_DIGITS = range(7, 16)  # the shortest full number (Niue) has 7, the longest that E.164 allows has 15
NAME_LENGTH = 11  # the most characters of an alphanumeric sender: 3GPP TS 23.040

# Country codes whose ordinary numbers are as short as a short code, with the lengths of a full number. Taken from
# libphonenumber's metadata; tests/plivo/test_numbers.py compares the two.
SHORT_NUMBERS: dict[str, tuple[int, ...]] = {
    "247": (8,),  # Ascension Island
    "290": (7, 8),  # Saint Helena, Tristan da Cunha
    "500": (8,),  # Falkland Islands
    "676": (8,),  # Tonga
    "677": (8,),  # Solomon Islands
    "678": (8,),  # Vanuatu
    "682": (8,),  # Cook Islands
    "683": (7,),  # Niue
    "685": (8,),  # Samoa
    "686": (8,),  # Kiribati
    "688": (8,),  # Tuvalu
    "690": (7, 8),  # Tokelau
}

_ornaments = re.compile(r"[\s\-./()]")


@dataclass(frozen=True, slots=True)
class Reading:
    """An address that a person wrote, normalised, and what is doubtful about it; "" means no doubt."""

    address: str
    doubt: str = ""


def doubtful(reading: Reading) -> str:
    """Return the warning about an address that is accepted, although it does not look like a full number.

    It does not repeat the number.
    """
    return f"libphonenumber doubts this number: {reading.doubt}; used as written"


def normalise(raw: str) -> str:
    """Return the address without "+", blanks and separators. An alphanumeric sender is only trimmed.

    In a GET query a literal "+" arrives as a blank, so a leading blank is read as a "+".
    """
    bare = raw.strip().removeprefix("+")
    if bare.isdigit() and bare.isascii():  # as Plivo sends it
        return bare
    digits = _ornaments.sub("", bare)
    return digits if is_digits(digits) else raw.strip()


def is_digits(text: str) -> bool:
    """Return whether the text is one or more ASCII digits."""
    return text.isascii() and text.isdigit()


@lru_cache(maxsize=8192)  # asked five times a message, and the same people write again
def kind_of(address: str) -> AddressKind:
    """Return whether a normalised address is a number, a short code or an alphanumeric sender."""
    if not is_digits(address):
        return "alphanumeric"
    length = len(address)
    if length in SHORT_CODE_DIGITS and length not in SHORT_NUMBERS.get(address[:3], ()):
        return "short-code"
    return "number"


def show(address: str) -> str:
    """Return the address as people and webhooks see it: numbers in E.164 with "+", short codes and names unchanged."""
    return f"+{address}" if kind_of(address) == "number" else address


def can_be_texted(address: str) -> bool:
    """Return whether a reply can reach the address. Alphanumeric senders and empty addresses cannot be texted."""
    return kind_of(address) != "alphanumeric"


def is_name(text: str) -> bool:
    """Return whether a person may mean an alphanumeric sender: short, with a letter, and not a mistyped number."""
    digits = sum(character.isdigit() for character in text)
    return (
        len(text) <= NAME_LENGTH
        and text.isprintable()
        and not text.startswith("+")
        and any(character.isalpha() for character in text)
        and digits < NUMBER_DIGITS.start
    )


# Phones that networks write in two ways: with and without the mobile prefix of Mexico (52 1 ..) and Argentina
# (54 9 ..), or the ninth digit that Brazil put before mobile numbers (55 AA 9 XXXX XXXX).
_FORMS = (
    (re.compile(r"521(\d{10})"), "52"),
    (re.compile(r"549(\d{10})"), "54"),
    (re.compile(r"(55\d{2})9(\d{8})"), ""),
)


def canonical(address: str) -> str:
    """Return the form of an address that identifies a person: of a number written in two ways, the shorter one."""
    if not address.startswith("5"):
        return address
    for form, prefix in _FORMS:
        if found := form.fullmatch(address):
            return prefix + "".join(found.groups())
    return address
