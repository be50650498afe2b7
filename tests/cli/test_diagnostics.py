"""Errors of a file as people read them in a terminal."""

import pytest

from app.cli.diagnostics import render, summary
from app.config import Diagnostic
from app.config.diagnostics import Excerpt


def _shown(text: str, start: int, end: int, columns: int = 80, message: str = "wrong; mend it") -> list[str]:
    one = Diagnostic("rules.a", message, "error", "config.toml", 12, start, Excerpt(text, start, end))
    return "".join(piece for piece, _ in render(one, columns)).splitlines()


def test_the_line_is_shown_with_a_caret() -> None:
    """What is wrong, where, the line, and below it what to do."""
    assert _shown('rules = ["menue", "ack"]', 10, 17) == [
        "error: rules.a: wrong",
        " --> config.toml:12:10",
        '12 | rules = ["menue", "ack"]',
        "   |          ^^^^^^^ mend it",
    ]


@pytest.mark.parametrize(
    ("text", "start", "end", "line", "caret"),
    [
        ('\ttext = "x"', 9, 12, '12 |     text = "x"', "   |            ^^^ mend it"),
        ('text = "日本 {x}"', 12, 15, '12 | text = "日本 {x}"', "   |              ^^^ mend it"),
        ('text = "e\u0301 {x}"', 12, 15, '12 | text = "e\u0301 {x}"', "   |           ^^^ mend it"),
        ("text = \x1b[31m", 8, 9, "12 | text = \\x1b[31m", "   |        ^^^^ mend it"),
    ],
)
def test_the_caret_counts_cells(text: str, start: int, end: int, line: str, caret: str) -> None:
    """Tabs are blanks, wide characters are two cells, combining ones none, control characters are escaped."""
    assert _shown(text, start, end)[2:] == [line, caret]


def test_a_long_line_is_cut_around_what_is_meant() -> None:
    """The marked part is seen whatever the width of the terminal."""
    line, caret = _shown(f'text = "{"a" * 200}{{x}}{"b" * 200}"', 209, 212, columns=60)[2:]
    start, length = caret.index("^"), caret.count("^")
    assert line[start : start + length] == "{x}"
    assert len(line) <= 60
    assert (line[5:7], line[-2:]) == ("..", "..")


def test_what_stands_on_no_line_has_none() -> None:
    """A file that is missing is told without an excerpt."""
    one = Diagnostic("", "there is no such file; write one", "error", "config.toml")
    assert "".join(piece for piece, _ in render(one, 80)) == (
        "error: there is no such file\n --> config.toml\nwrite one\n"
    )


def test_a_value_may_hold_what_separates_the_advice() -> None:
    """The value belongs to the problem, whatever is in it."""
    message, value = 'not understood ("Mo 9; Tu 9"); write it otherwise', '("Mo 9; Tu 9")'
    one = Diagnostic("", message, value=value)
    assert one.parts == ('not understood ("Mo 9; Tu 9")', "write it otherwise")


def test_summary_counts() -> None:
    """Singular and plural, and nothing of what there is none of."""
    error, warning = Diagnostic("", "x"), Diagnostic("", "x", "warning")
    assert summary([error, error, warning]) == "2 errors, 1 warning"
    assert summary([warning]) == "1 warning"
