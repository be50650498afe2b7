"""What a check found."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    level: Level
    message: str
    advice: str | None = None  # what to change


def ok(name: str, message: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name, "ok", message)


def warning(name: str, message: str, advice: str) -> Check:
    """A check that found what may be wrong."""
    return Check(name, "warning", message, advice)


def error(name: str, message: str, advice: str) -> Check:
    """A check that found what is wrong."""
    return Check(name, "error", message, advice)
