"""Numbers as people write them, at load only. In requests Plivo writes digits.

libphonenumber decides what we text and what is ours (`read_number`). About others it only advises (`read_address`):
Plivo also sends numbers that it does not know, such as 5215512345678.
"""

import re
import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from app.plivo.numbers import NUMBER_DIGITS, Reading, is_digits, kind_of, normalise

ADVICE = "write it as +33612345678; national forms need [plivo] country"

_DOUBTS = {
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "without its area code it is no full number",
    ValidationResult.TOO_SHORT: "it is too short",
    ValidationResult.TOO_LONG: "it is too long",
    ValidationResult.INVALID_LENGTH: "no number of that country has so many digits",
    ValidationResult.INVALID_COUNTRY_CODE: "it starts with no country code",
}
_UNPARSED = {
    NumberParseException.INVALID_COUNTRY_CODE: ValidationResult.INVALID_COUNTRY_CODE,
    NumberParseException.TOO_LONG: ValidationResult.TOO_LONG,
}
_SEVERAL = re.compile(r"\d\s*[,;|\n]\s*\+?\d|\d\s+\+\d")
_MINUS = "\N{MINUS SIGN}"  # the one dash that Unicode calls a symbol


def read_number(source: str, country: str | None) -> str:
    """The normalised address of a number that exists in full. Raises `ValueError`; the number is not repeated."""
    reading = _read(source, country)
    if reading.doubt:
        message = f"not a number that exists: {reading.doubt}; {ADVICE}"
        raise ValueError(message)
    return reading.address


def read_address(source: str, country: str | None) -> Reading:
    """The normalised address of anybody who may text us: any 7 to 15 digits. Raises `ValueError`, as `read_number`."""
    reading = _read(source, country)
    if reading.doubt and (len(reading.address) not in NUMBER_DIGITS or reading.address.startswith("0")):
        message = f"not a number that exists: {reading.doubt}; {ADVICE}"
        raise ValueError(message)
    return reading


def read_country(source: str) -> str:
    """The two-letter country. Raises `ValueError`."""
    country = source.strip().upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        message = 'not a country; write two letters, as "US" or "FR"'
        raise ValueError(message)
    return country


def _read(source: str, country: str | None) -> Reading:
    text = _plain(source)
    digits = normalise(text)
    if not is_digits(digits) and _SEVERAL.search(text):
        message = 'not one number; write each by itself: "+33612345678", "+33612345679"'
        raise ValueError(message)
    if not is_digits(digits):
        message = f"not a phone number; {ADVICE}"
        raise ValueError(message)
    if not text.startswith("+"):
        if country and (number := _national(text, digits, country)):
            return Reading(number)
        if kind_of(digits) == "short-code" and not (country and digits.startswith("0")):
            return Reading(digits)
    return _international(digits.removeprefix("00"))


def _plain(source: str) -> str:
    """The text without what is copied with a number: invisible marks, wide digits, dashes of all kinds."""
    compatible = unicodedata.normalize("NFKC", source).replace(_MINUS, "-")
    categories = ((character, unicodedata.category(character)) for character in compatible)
    return "".join("-" if kind == "Pd" else character for character, kind in categories if kind != "Cf").strip()


def _national(text: str, digits: str, country: str) -> str | None:
    """The number that these digits are in that country, if they are one. A few digits are none by chance: where numbers
    are written with a 0 in front, they need it.
    """
    prefix = phonenumbers.ndd_prefix_for_region(country, strip_non_digits=True)
    if kind_of(digits) == "short-code" and not digits.startswith("0") and (prefix or len(digits) not in NUMBER_DIGITS):
        return None
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    return _e164(number) if phonenumbers.is_valid_number(number) else None


def _international(digits: str) -> Reading:
    try:
        number = phonenumbers.parse(f"+{digits}")
    except NumberParseException as error:
        return Reading(digits, _DOUBTS[_UNPARSED.get(error.error_type, ValidationResult.TOO_SHORT)])
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == ValidationResult.IS_POSSIBLE:
        return Reading(_e164(number))
    return Reading(digits, _DOUBTS[reason])


def _e164(number: PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164)).removeprefix("+")
