"""Suggestions for names that do not exist."""

import pytest

from app.suggestions import did_you_mean

MANY = [f"target-{number:02}" for number in range(22)]


@pytest.mark.parametrize(
    ("word", "known", "advice"),
    [
        ("menue", ["ack", "menu"], 'did you mean "menu"?'),
        ("x", ["b", "a"], "known: a, b"),
        ("x", [], "there is none"),
        (
            "x",
            [f"target-{n:02}" for n in range(22)],
            f"known: {', '.join(f'target-{n:02}' for n in range(20))} and 2 more",
        ),
    ],
)
def test_advice(word: str, known: list[str], advice: str) -> None:
    """The nearest name, else the names that there are; a thousand of them are no advice."""
    assert did_you_mean(word, known) == advice
