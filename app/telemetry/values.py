"""Shorten and escape values for a log line, so that no request can fill the disk or control a terminal.

A value takes at most `LIMIT` characters of output, including escapes. Text is cut in the middle, because the end often
matters most (a line number, the part of a URL that differs). The items of a container share one limit.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

LIMIT = 200  # characters of one value in JSON
CONTAINER = 2  # characters that each item costs, so that deep nesting ends
FIELD = 20  # characters of a field's name, its punctuation and a short number
SHORT = LIMIT // 2  # characters that fit even if each is a backslash
SMALL = 1 << 64
LONG_INTEGER = 256  # bits; Python refuses to print an integer of 4,300 digits

# Control characters, line separators, marks that change the direction of text, and surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")


def simplify(fields: dict[str, Any]) -> int:
    """Shorten the values of a dict in place. Return approximately how many characters it takes in JSON.

    This runs for each line on the event loop, so ordinary values are only checked.
    """
    size = FIELD * len(fields)
    for key, value in fields.items():
        kind = type(value)
        if kind is str:
            text = value
            if len(text) > SHORT or not text.isprintable():
                text = fields[key] = shorten_text(text)
            size += len(text)
        elif not (value is None or kind is bool or (kind is int and -SMALL < value < SMALL)):
            fields[key] = shorten(value)
            size += LIMIT
    return size


def shorten(value: Any) -> Any:
    """Return a value that JSON can represent, of at most about `LIMIT` characters. Never raises."""
    try:
        return _Shortener(LIMIT).value(value)
    except Exception:  # noqa: BLE001 - the class of a rule may raise anything
        return f"a {type(value).__name__}"


def shorten_text(text: str, limit: int = LIMIT) -> str:
    """Escape a text. If it takes more than `limit` characters, cut it and say how long it was."""
    if 2 * len(text) <= limit and text.isprintable():  # in printable text JSON escapes only quotes and backslashes
        return text
    if len(text) <= limit and _width(escaped := _escape(text)) <= limit:
        return escaped
    head = limit * 2 // 3
    first, last = _fitting(text[:limit], head), _fitting(reversed(text[-limit:]), limit - head)
    return f"{''.join(first)} ..[{len(text)} characters].. {''.join(reversed(last))}"


def place_of(error: BaseException) -> str:
    """Return the type and line of an exception, but not its message, which may contain a customer's words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


def text_of(value: Any) -> str:
    """Return a value of any type as text. For an exception this is its place."""
    if isinstance(value, str):
        return value
    if isinstance(value, BaseException):
        return place_of(value)
    if isinstance(value, int):
        return str(value) if _is_printable(value) else f"an integer of {value.bit_length()} bits"
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - the class of a rule may raise anything
        return f"a {type(value).__name__}"


class _Shortener:
    """Shortens one value and everything in it, within a common limit."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._cut = False  # whether the output says already that something was left out

    def value(self, value: Any) -> Any:
        """Shorten a value of any type."""
        match value:
            case None | int() | float() if _is_printable(value):
                self._left -= len(repr(value))
                return value
            case Mapping():
                return dict(self._pairs(value))
            case list() | tuple() | set() | frozenset():
                return list(self._items(value))
            case _:
                return self._text(text_of(value))

    def _pairs(self, pairs: Mapping[Any, Any]) -> Iterable[tuple[str, Any]]:
        for key, omitted in self._while_room(pairs):
            yield (omitted, None) if omitted else (self._text(text_of(key)), self.value(pairs[key]))

    def _items(self, items: Collection[Any]) -> Iterable[Any]:
        for item, omitted in self._while_room(items):
            yield omitted or self.value(item)

    def _while_room(self, items: Collection[Any]) -> Iterable[tuple[Any, str | None]]:
        """Yield the items while there is room, and then, once for each value, how many were left out."""
        for index, item in enumerate(items):
            self._left -= CONTAINER
            if self._left <= 0:
                if not self._cut:
                    self._cut = True
                    yield item, f"..{len(items) - index} more"
                return
            yield item, None

    def _text(self, text: str) -> str:
        short = shorten_text(text, max(self._left, 0))
        self._left -= _width(short)
        return short


def _is_printable(value: float | None) -> bool:
    """Return whether JSON can represent the number, in few characters."""
    return value is None or (value.bit_length() <= LONG_INTEGER if isinstance(value, int) else math.isfinite(value))


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _width(escaped: str) -> int:
    """Return the length of a text in JSON, which adds a backslash to each backslash and quotation mark."""
    return len(escaped) + escaped.count("\\") + escaped.count('"')


def _fitting(characters: Iterable[str], width: int) -> list[str]:
    """Return the first characters that fit, each escaped."""
    fitting = []
    for character in characters:
        escaped = _escape(character)
        width -= _width(escaped)
        if width < 0:
            break
        fitting.append(escaped)
    return fitting
