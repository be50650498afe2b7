"""Write an event as text for people. On a terminal it fits the width, and warnings and errors have a colour."""

import os
import textwrap
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any, TextIO

OWN_LINE = ("message_url",)  # fields to be copied whole: each stands on a line of its own
LEVEL_WIDTH = 8  # "critical"
TEXT_WIDTH = 30
WIDTH = 80  # columns of a terminal that does not say how wide it is
INDENT = " " * 13  # below the level
STYLES = {"warning": "bold yellow", "error": "bold red", "critical": "bold red"}


class Terminal:
    """The terminal that lines are written to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def width(self) -> int:
        """The number of columns at this moment."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or WIDTH
        except (OSError, ValueError):
            return WIDTH

    def paint(self, level: str, text: str) -> str:
        """Return a text in the colour of a level, if it has one and the terminal and NO_COLOR allow it."""
        style = STYLES.get(level)
        return self._paint(style, text) if style and self._has_colours else text

    @staticmethod
    def _paint(style: str, text: str) -> str:
        from rich.color import ColorSystem  # noqa: PLC0415 - 33 ms, for the first warning in a terminal
        from rich.style import Style  # noqa: PLC0415

        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)

    @cached_property
    def _has_colours(self) -> bool:
        from rich.console import Console  # noqa: PLC0415

        console = Console(file=self._stream)
        return console.color_system is not None and not console.no_color


def write_plain(line: dict[str, Any]) -> str:
    """Return the text of an event for a file or a pipe. It takes `line` apart."""
    timestamp, level, text = line.pop("timestamp"), line.pop("level"), line.pop("event")
    more = _set_apart(line)
    pairs = " ".join(_pairs(line))
    first = f"{timestamp} [{level:<{LEVEL_WIDTH}}] {text:<{TEXT_WIDTH}} {pairs}".rstrip()
    return "\n".join([first, *more])


def write_fitting(line: dict[str, Any], terminal: Terminal, happened_at: float) -> str:
    """Return the text of an event for a terminal, with the time of day in its zone. It takes `line` apart."""
    level, text = line.pop("level"), line.pop("event")
    line.pop("timestamp")
    more = _set_apart(line)
    clock = f"{time.strftime('%H:%M:%S', time.localtime(happened_at))}.{int(happened_at % 1 * 1000):03d} "
    head = f"{clock}{level:<{LEVEL_WIDTH}} {text}"
    first, *rest = _wrapped(" ".join([f"{head} ", *_pairs(line)]), terminal.width)
    coloured = terminal.paint(level, first[len(clock) : len(head)])
    return "\n".join([f"{clock}{coloured}{first[len(head) :]}", *rest, *more])


def _set_apart(line: dict[str, Any]) -> list[str]:
    """Take out of the fields what stands on lines of its own, and return these lines."""
    apart = [f"{INDENT}{key} {line.pop(key)}" for key in OWN_LINE if key in line]
    return [*apart, line.pop("exception")] if line.get("exception") else apart


def _pairs(line: dict[str, Any]) -> Iterable[str]:
    return (f"{key}={_shown(value)}" for key, value in line.items())


def _shown(value: object) -> str:
    """Return a value as text, quoted if its end would not be clear."""
    plain = isinstance(value, str) and value and not any(mark in value for mark in " =\"'")
    return str(value) if plain else repr(value)


def _wrapped(text: str, width: int) -> list[str]:
    """Return lines of at most `width` columns; a word that is longer stays whole."""
    return textwrap.wrap(text, width, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False)
