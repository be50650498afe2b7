"""Addresses: what stands in From, To, src and dst.

Inside the house an address is a plain string as Plivo's XML wants it: digits without "+" for a
phone number or a short code, anything else for an alphanumeric sender. People see E.164.
"""

import re
from typing import Literal

AddressKind = Literal["number", "short-code", "alphanumeric"]

SHORT_CODE_DIGITS = range(3, 9)  # carriers hand out 3 to 8 digits; E.164 numbers start at 8 with the country code

_ornaments = re.compile(r"[\s\-./()]")


def normalise(raw: str) -> str:
    """The address without "+", blanks and ornaments; an alphanumeric sender as it came.

    In a GET query a literal "+" arrives as a blank, so a leading blank means the same.
    """
    bare = raw.strip().removeprefix("+")
    if bare.isascii() and bare.isdigit():
        return bare
    digits = _ornaments.sub("", bare)
    return digits if digits.isascii() and digits.isdigit() else raw.strip()


def kind_of(address: str) -> AddressKind:
    """What a normalised address is."""
    if not (address.isascii() and address.isdigit()):
        return "alphanumeric"
    return "short-code" if len(address) in SHORT_CODE_DIGITS else "number"


def show(address: str) -> str:
    """The address as people and webhooks get it: E.164 with "+"; short codes and names bare."""
    return f"+{address}" if kind_of(address) == "number" else address


def can_be_texted(address: str) -> bool:
    """Whether a reply can reach it: alphanumeric senders have no way back, nor has an empty one."""
    return kind_of(address) != "alphanumeric"
