"""Units: what a carrier bills, counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plivo import units


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),  # 2 x 153
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 460, 4),
        ("é" * 160, 1),  # in the alphabet
        ("@£$¥\n\r¤ß" * 20, 1),
        ("€" * 80, 1),  # extension characters take two
        ("€" * 80 + "a", 2),
        ("a" * 158 + "€", 1),
        ("a" * 159 + "€", 2),
        ("a" * 305 + "b", 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # 306 septets, but the pair is not cut at 153
        ("a" * 151 + "€" + "a" * 153, 2),  # 306 septets, and the pair fits
        ("[" * 76 + "a" + "[" * 76 + "a", 2),
        ("^{}\\[~]|€\f" * 8, 1),
        ("ç", 1),
        ("ç" * 70, 1),  # only the capital is in the alphabet
        ("ç" * 71, 2),
        ("Ç" * 71, 1),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),  # 2 x 67
        ("ж" * 135, 3),
        ("ж" * 201, 3),
        ("ж" * 202, 4),
        ("a" * 69 + "ж", 1),
        ("a" * 70 + "ж", 2),
        ("👍" * 35, 1),  # two code units each
        ("👍" * 36, 2),
        ("ж" * 66 + "👍" + "ж" * 66, 3),  # 134 code units, but the pair is not cut at 67
        ("ж" * 65 + "👍" + "ж" * 67, 2),
        ("👍" * 66, 2),  # 33 fit in a part of 67
        ("👍" * 67, 3),
        ("\u2019", 1),
        ("a" * 160 + "\u2019", 3),  # one typographic apostrophe: 161 code units
    ],
    ids=lambda value: f"{len(value)}-{value[:1]}" if isinstance(value, str) else str(value),
)
def test_units(text: str, count: int) -> None:
    """160 septets or n x 153; 70 code units or n x 67; no pair is cut in half."""
    assert units.count(text) == count


def test_costly_characters_are_named_with_their_place() -> None:
    """The characters that turn a text into UCS-2 are told one by one; those of GSM-7 are not."""
    assert units.costly("It\u2019s 5 € \u2013 ok\f~") == [(2, "\u2019"), (9, "\u2013")]
    assert units.costly("Ça va à Ålesund, señor?") == []
    assert units.costly("ç`") == [(0, "ç"), (1, "`")]


@given(st.text(max_size=400), st.text(max_size=40))
def test_more_text_never_costs_less(text: str, more: str) -> None:
    """Counting is monotonous, and a text is never cheaper than its code units allow."""
    assert 1 <= units.count(text) <= units.count(text + more)
    if units.costly(text):
        assert units.count(text) * 70 >= len(text.encode("utf-16-le", "surrogatepass")) // 2
