"""Addresses: one spelling inside, E.164 for people."""

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
        ("123456789", "number", "+123456789", True),
        ("MTN", "alphanumeric", "MTN", False),
        ("٣٣٦٤٤٦", "alphanumeric", "٣٣٦٤٤٦", False),
        ("", "alphanumeric", "", False),
    ],
)
def test_kinds(address: str, kind: str, shown: str, reachable: bool) -> None:  # noqa: FBT001 - a column of the table
    """Short codes have 3 to 8 digits; people see "+" before numbers only; names and nothing cannot be texted."""
    assert (numbers.kind_of(address), numbers.show(address), numbers.can_be_texted(address)) == (kind, shown, reachable)
