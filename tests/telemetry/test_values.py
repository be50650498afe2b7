"""Values of a log line: short, whatever they are, and without what drives a terminal."""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.telemetry.values import LIMIT, place_of, shorten, shorten_text, simplify

MARKS = 120  # characters of "..[31000 characters].." and "..12 more", of which a container may hold a few
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
anything = st.recursive(
    scalars | st.builds(ValueError, st.text()) | st.sets(st.text()),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=50,
)
hostile = st.text(alphabet='\x01\\"é\u202e', min_size=150)


def _written(value: Any) -> str:
    return json.dumps(shorten(value), ensure_ascii=False, allow_nan=False)


class _Broken:
    """An object of somebody's rule."""

    def __repr__(self) -> str:
        raise ValueError


@given(anything | st.lists(st.text(min_size=50), min_size=20) | hostile | st.lists(hostile))
def test_every_value_is_short_and_safe(value: object) -> None:
    """Whatever is logged, JSON can write it, in about `LIMIT` characters, and no terminal obeys it."""
    written = _written(value)
    assert len(written) <= LIMIT + MARKS
    assert not FORBIDDEN.search(written)
    written.encode()


def test_what_python_calls_printable_is_safe() -> None:
    """Of all characters: a text that is printable is left alone without a closer look."""
    printable = "".join(filter(str.isprintable, map(chr, range(sys.maxunicode + 1))))
    assert not FORBIDDEN.search(printable)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), anything | hostile | st.text("é \\", min_size=80)))
def test_fields_are_shortened_alike(fields: dict[str, object]) -> None:
    """The quick look at ordinary values decides as the long way does; the size is never far too small."""
    expected = {key: shorten(value) for key, value in fields.items()}
    size = simplify(fields)
    assert fields == expected
    assert {key: type(value) for key, value in fields.items()} == {key: type(value) for key, value in expected.items()}
    assert len(json.dumps(fields, ensure_ascii=False)) <= 2 * size + MARKS * len(fields) + len("{}")


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"], exclude_characters='"\\')))
def test_ordinary_text_is_left_alone(text: str) -> None:
    """What is short enough and harmless stays as it is."""
    assert shorten(text[:LIMIT]) == text[:LIMIT]


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "hello", [1, "a", None], {"a": {"b": [1]}}, [], {}])
def test_short_values_keep_their_type(value: object) -> None:
    """A line of JSON holds numbers and lists as such."""
    assert shorten(value) == value


def test_both_ends_of_a_long_text_are_kept() -> None:
    """The end often says most: a line number, the part of a URL that differs."""
    short = shorten_text("begin" + "x" * 31_000 + "end")
    assert short.startswith("beginx")
    assert " ..[31008 characters].. " in short
    assert short.endswith("xend")


@pytest.mark.parametrize("wrap", [str, ValueError, lambda text: [text] * 5, lambda text: {text: {text: [text]}}])
@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\ud800", "\\", '"', "é", "x"]
)
def test_31_kilobytes_of_anything(character: str, wrap: Callable[[str], object]) -> None:
    """Also after escaping, also nested."""
    assert len(_written(wrap(character * 31_000))) <= LIMIT + MARKS


@pytest.mark.parametrize(
    ("value", "short"),
    [
        pytest.param(10**5000, "an integer of 16610 bits", id="10**5000"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (ValueError("hush"), "ValueError"),
        ([KeyError("hush")], ["KeyError"]),
        (b"\x00", "b'\\x00'"),
        (_Broken(), "a _Broken"),
        ({1: 2}, {"1": 2}),
    ],
)
def test_values_that_json_cannot_write(value: object, short: object) -> None:
    """Each becomes a text; an exception loses its message, which may hold a customer's words."""
    assert shorten(value) == short


def test_what_a_container_leaves_out_is_counted() -> None:
    """A long list says how long it was."""
    assert shorten(list(range(1000)))[-1] == f"..{1000 - len(shorten(list(range(1000)))) + 1} more"
    assert list(shorten({f"key{number}": "x" * 50 for number in range(100)}))[-1].endswith(" more")


def test_a_container_that_holds_itself_ends() -> None:
    """No recursion without end."""
    endless: list[Any] = []
    endless += [endless, endless]
    assert len(_written(endless)) <= LIMIT + MARKS


def fail(argument: str) -> None:
    """Raises, with a secret in a local variable."""
    raise ValueError(argument)


def test_place_of_tells_no_message() -> None:
    """G12: of an error in somebody's code, type and line; its message may hold a customer's words."""
    line = fail.__code__.co_firstlineno + 2
    with pytest.raises(ValueError, match="hush") as caught:
        fail("hush")
    assert place_of(caught.value) == f"ValueError at {__file__}:{line}"


def test_place_of_an_error_that_was_never_raised() -> None:
    """Without a traceback, the type."""
    assert place_of(KeyError("hush")) == "KeyError"
