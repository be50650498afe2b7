"""Numbers as people write them, at load only. In requests Plivo writes digits."""

import phonenumbers

from app.plivo.numbers import SHORT_CODE_DIGITS, normalise

ADVICE = "write it as +33612345678; national forms need [plivo] country"


def read_number(source: str, country: str | None) -> str:
    """The normalised address. Raises `ValueError` with advice; the number itself is not repeated."""
    text = source.strip()
    digits = normalise(text)
    if not digits.isdigit():
        message = f"not a phone number; {ADVICE}"
        raise ValueError(message)
    if not text.startswith("+") and len(digits) in SHORT_CODE_DIGITS and not (country and digits.startswith("0")):
        return digits
    forms: list[tuple[str, str | None]] = [(text, country)] if country and not text.startswith("+") else []
    forms.append((f"+{digits.removeprefix('00')}", None))
    for written, region in forms:
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number) and (region is None or phonenumbers.is_valid_number(number)):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    message = f"no number of this form exists; {ADVICE}"
    raise ValueError(message)


def read_country(source: str) -> str:
    """The two-letter country. Raises `ValueError`."""
    country = source.strip().upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        message = 'write a country as two letters, as "US" or "FR"'
        raise ValueError(message)
    return country
