"""What is wrong with a file, as it goes into a log."""

import pytest

from app.config.diagnostics import for_log


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        ('"+33 6 44 60 00 00" is a number of route "a" already', '"..0000" is a number of route "a" already'),
        ('"+1212ABC" is not a phone number', '"+1212ABC" is not a phone number'),
        ("too small (9); write 10 or more", "too small (9); write 10 or more"),
    ],
)
def test_a_log_holds_the_last_digits_of_a_number(message: str, logged: str) -> None:
    """G12: people who read the file see it whole, the log does not hold phone numbers."""
    assert for_log(message) == logged
