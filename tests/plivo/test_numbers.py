"""Addresses: one spelling inside, E.164 for people."""

from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plivo import numbers


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("33644600000", "33644600000"),
        ("+33644600000", "33644600000"),
        (" 33644600000", "33644600000"),  # a literal + in a GET query
        ("+33 6 44 60 00 00", "33644600000"),
        ("+1 (415) 555-0100", "14155550100"),
        ("1.415.555.0100", "14155550100"),
        ("1/415/5550100", "14155550100"),
        ("33\u00a0644600000", "33644600000"),
        ("12345", "12345"),
        ("MTN", "MTN"),
        (" My Shop ", "My Shop"),
        ("+MTN", "+MTN"),
        ("Shop-24", "Shop-24"),
        ("++33644600000", "++33644600000"),
        ("٣٣٦٤٤٦", "٣٣٦٤٤٦"),
        ("", ""),
        ("+", "+"),
    ],
)
def test_normalise(raw: str, address: str) -> None:
    """Numbers lose their "+" and ornaments, names stay as they came."""
    assert numbers.normalise(raw) == address


@given(st.text())
def test_normalise_is_stable(raw: str) -> None:
    """What is normalised once stays as it is, so that rows and routes meet."""
    once = numbers.normalise(raw)
    assert numbers.normalise(once) == once


@pytest.mark.parametrize(
    ("address", "kind", "shown", "reachable"),
    [
        ("33644600000", "number", "+33644600000", True),
        ("123", "short-code", "123", True),
        ("12345678", "short-code", "12345678", True),
        ("1234567", "short-code", "1234567", True),
        ("51969123", "short-code", "51969123", True),  # as in India
        ("19913313", "short-code", "19913313", True),  # as in Australia
        ("123456789", "number", "+123456789", True),
        ("68271234", "number", "+68271234", True),  # Cook Islands
        ("6827123", "short-code", "6827123", True),
        ("67774512", "number", "+67774512", True),
        ("6834123", "number", "+6834123", True),  # Niue, the shortest
        ("68341234", "short-code", "68341234", True),
        ("29051234", "number", "+29051234", True),
        ("50051234", "number", "+50051234", True),
        ("MTN", "alphanumeric", "MTN", False),
        ("٣٣٦٤٤٦", "alphanumeric", "٣٣٦٤٤٦", False),
        ("", "alphanumeric", "", False),
    ],
)
def test_kinds(address: str, kind: str, shown: str, reachable: bool) -> None:  # noqa: FBT001 - a column of the table
    """Short codes have 3 to 8 digits and are no full number; people see "+" before numbers only; names and nothing
    cannot be texted.
    """
    assert (numbers.kind_of(address), numbers.show(address), numbers.can_be_texted(address)) == (kind, shown, reachable)


def _ordinary(code: int) -> Iterator[int]:
    """The lengths of a country's numbers that may text: fixed and mobile ones."""
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        assert metadata is not None
        for kind in (metadata.fixed_line, metadata.mobile):
            yield from (len(str(code)) + length for length in (kind.possible_length if kind else ()) if length > 0)


def _examples(code: int) -> Iterator[str]:
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            if example := phonenumbers.example_number_for_type(region, kind):
                yield f"{code}{phonenumbers.national_significant_number(example)}"


CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def test_short_numbers_are_those_of_libphonenumber() -> None:
    """The table is the library's metadata of each country whose usual numbers are as short as a short code."""
    short = [code for code in CODES if any(len(number) <= 8 for number in _examples(code))]
    expected = {str(code): tuple(sorted({length for length in _ordinary(code) if length <= 8})) for code in short}
    assert expected == numbers.SHORT_NUMBERS


@pytest.mark.parametrize("code", CODES)
def test_usual_number_of_each_country_is_a_number(code: int) -> None:
    """No country's usual number is taken for a short code."""
    assert {numbers.kind_of(number) for number in _examples(code)} <= {"number"}


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        ("MTN", True),
        ("Shop-24", True),
        ("3M", True),
        ("Кафе", True),
        ("1800FLOWERS", True),
        ("Eleven char", True),
        ("twelve chars", False),
        ("", False),
        ("38010", False),
        ("+MTN", False),
        ("3364460000O", False),  # a letter for a zero
        ("a\x1bb", False),
    ],
)
def test_names(text: str, *, is_name: bool) -> None:
    """What may be meant as an alphanumeric sender: up to 11 characters with a letter, and no number with a slip."""
    assert numbers.is_name(text) is is_name


@pytest.mark.parametrize(
    ("forms", "person"),
    [
        (("525512345678", "5215512345678"), "525512345678"),  # Mexico, with the former mobile prefix
        (("541112345678", "5491112345678"), "541112345678"),  # Argentina, with the mobile prefix of international calls
        (("551187654321", "5511987654321"), "551187654321"),  # Brazil, with the ninth digit
    ],
)
def test_two_forms_of_one_phone_are_one_person(forms: tuple[str, str], person: str) -> None:
    """Networks write one mobile phone in two ways; a STOP from one of them holds for the other."""
    assert {numbers.canonical(form) for form in forms} == {person}


@pytest.mark.parametrize(
    "address",
    ["33700000001", "14155550100", "52155123456", "5501987654", "59112345678", "5211", "52A5512345678", "MTN", ""],
)
def test_any_other_address_is_its_own_person(address: str) -> None:
    """Other countries, other lengths, short codes and names stay as they are."""
    assert numbers.canonical(address) == address


@given(st.from_regex(r"5[0-9]{6,14}", fullmatch=True))
def test_canonical_form_of_a_canonical_form_is_itself(address: str) -> None:
    """It can be asked of what was stored."""
    assert numbers.canonical(numbers.canonical(address)) == numbers.canonical(address)
