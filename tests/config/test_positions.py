"""Lines and columns of keys and values: the same tree as tomllib's, and each value at its place."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config.positions import Node, positions
from app.config.spans import Lines, Span, column_in_string
from app.config.tree import is_source
from app.rules.compiler import Place

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "tests" / "config" / "good").glob("*.toml")), ROOT / "config.example.toml"]


def _values(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """As `Node.leaves`: of what stands elsewhere only the default."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if is_source(value) and key != "default":
            continue
        if isinstance(inner, dict | list) and inner:
            yield from _values(inner, (*place, key))
        else:
            yield (*place, key), inner


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_value_stands_where_it_is_said_to(file: Path) -> None:
    """Read again from its line and column, each value is what tomllib has read."""
    text = file.read_text()
    lines, tree = text.split("\n"), positions(text)
    found = {
        place: lines[node.value.line - 1][node.value.column - 1 : node.value.end - 1] for place, node in tree.leaves()
    }
    expected = {place: value for place, value in _values(tomllib.loads(text)) if value != {}}
    assert found.keys() == expected.keys()
    single = {
        place: raw
        for place, raw in found.items()
        if tree.find(place)[0].value.last_line == tree.find(place)[0].value.line
    }
    assert {place: tomllib.loads(f"value = {raw}")["value"] for place, raw in single.items()} == {
        place: expected[place] for place in single
    }


TEXT = """# a comment
a.b = 1
[rules."x y".z]
t = "x"  # more
[[routes]]
to = [
  "a",
  # c
  5,
]
[[routes]]
[routes.limits]
total = { x = "é", y = "z" }
"""


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        (("a", "b"), Span(2, 3, 4, 2), Span(2, 7, 8, 2)),
        (("rules", "x y", "z"), Span(3, 14, 15, 3), Span(3, 1, 16, 3)),
        (("rules", "x y", "z", "t"), Span(4, 1, 2, 4), Span(4, 5, 8, 4)),
        (("routes", 0), Span(5, 3, 9, 5), Span(5, 1, 11, 5)),
        (("routes", 0, "to"), Span(6, 1, 3, 6), Span(6, 6, 7, 10)),
        (("routes", 0, "to", 1), Span(9, 3, 4, 9), Span(9, 3, 4, 9)),
        (("routes", 1, "limits"), Span(12, 9, 15, 12), Span(12, 1, 16, 12)),
        (("routes", 1, "limits", "total", "y"), Span(13, 20, 21, 13), Span(13, 24, 27, 13)),
    ],
)
def test_keys_and_values(place: Place, key: Span, value: Span) -> None:
    """In characters, from one; what goes over several lines ends with its first one, a table is its header."""
    node, depth = positions(TEXT).find(place)
    assert (depth, node.key, node.value) == (len(place), key, value)


def test_what_is_missing_is_where_it_belongs() -> None:
    """A key that is not there is looked for at the table that lacks it."""
    node, depth = positions(TEXT).find(("routes", 1, "name"))
    assert (depth, node.value) == (2, Span(11, 1, 11, 11))
    root, depth = positions(TEXT).find(("server", "public_url"))
    assert (depth, root.value) == (0, Span(1, 1, 1))


@pytest.mark.parametrize(
    ("raw", "offset", "line", "column"),
    [
        ('"abc"', 0, 1, 2),
        ('"abc"', 2, 1, 4),
        ("'a\\b'", 2, 1, 4),
        (r'"a\"b"', 2, 1, 5),
        (r'"a\u00e9b"', 2, 1, 9),
        ('"""\nab\ncd"""', 3, 3, 1),
        ('"""ab \\\n   cd"""', 4, 2, 5),
        ("'''\nab'''", 1, 2, 2),
        ('""', 0, 1, 2),
        ('"ab"', 99, 1, 4),
    ],
)
def test_a_character_of_a_text(raw: str, offset: int, line: int, column: int) -> None:
    """Quotes, escapes and line ends that TOML drops are counted where they stand."""
    span = column_in_string(raw, offset)
    assert (span.line, span.column) == (line, column)


def test_offsets_of_a_text() -> None:
    """A part of a text ends with its line."""
    lines = Lines("ab\ncde\n")
    assert lines.span(0, 1) == Span(1, 1, 2)
    assert lines.span(4, 99) == Span(2, 2, 4)
    assert lines.span(7, 8) == Span(3, 1, 2)


def test_a_broken_file_has_positions_too() -> None:
    """Whatever stands in it: the reader of an error is shown a line, never a traceback."""
    for cut in range(0, len(TEXT), 3):
        assert isinstance(positions(TEXT[:cut] + "= [ {" + TEXT[cut:]), Node)
