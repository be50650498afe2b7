"""Units: what a carrier bills, counted by hand."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from app.plivo import units

FAMILY, FLAG, KEYCAP = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7", "1\ufe0f\u20e3"
THUMB, SCOTLAND = "\U0001f44d\U0001f3fd", "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
COMPOSED = ["e\u0301", "की", "กี่", "\u1112\u1161\u11ab"]  # letters with their marks, and a syllable of Hangul
CLUSTERS = [FAMILY, FLAG, KEYCAP, THUMB, SCOTLAND, *COMPOSED, "\r\n", "a", " ", "€", "ж", "\U0001f600"]


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


# Cutting


@pytest.mark.parametrize("cluster", CLUSTERS[:9], ids=ascii)
def test_a_text_is_cut_between_what_people_see_as_characters(cluster: str) -> None:
    """No emoji with its skin tone, no family, flag, keycap or letter with its marks is cut in half."""
    for before in range(8):
        text = "ж" * before + cluster * 100
        kept = units.fit(text, 1)[0].removesuffix("...")
        assert kept == "ж" * before + cluster * ((len(kept) - before) // len(cluster))
        assert units.count(kept + "...") == 1
        assert units.count(kept + cluster + "...") > 1


def test_a_text_that_fits_is_left_alone() -> None:
    """Blanks at its end included; a longer one loses them before the dots."""
    assert units.fit("a" * 159 + " ", 1) == ("a" * 159 + " ", 1)
    assert units.fit("a" * 150 + " " * 11, 1) == ("a" * 150 + "...", 1)
    assert units.fit("a" * 161, 1) == ("a" * 157 + "...", 1)


def test_a_single_character_longer_than_a_message_leaves_the_dots() -> None:
    """A letter under a thousand accents cannot be cut, so nothing of it is sent."""
    assert units.fit("a" + "\u0301" * 1000, 3) == ("...", 1)


@given(st.lists(st.sampled_from(CLUSTERS), max_size=500), st.integers(1, 3))
def test_what_is_cut_fits_and_ends_where_a_character_ends(clusters: list[str], most: int) -> None:
    """At most so many units, and a beginning of the text that is whole clusters, but for blanks at its end."""
    text = "".join(clusters)
    fitted, size = units.fit(text, most)
    assert size == units.count(fitted)
    assert units.count(fitted) <= most
    if fitted != text:
        ends = {text[:end].rstrip() for end in itertools.accumulate(map(len, iter_graphemes(text)), initial=0)}
        assert fitted.endswith("...")
        assert fitted.removesuffix("...") in ends


@given(st.text(max_size=400), st.integers(1, 2))
def test_any_text_fits(text: str, most: int) -> None:
    """Whatever the text, what is sent costs no more than it may."""
    assert units.fit(text, most)[1] <= most
