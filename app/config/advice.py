"""What is wrong with a value and what to write instead, in words: of pydantic's errors, and of what people try."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from pydantic_core import ErrorDetails

from app.config.forms import written_duration, written_size
from app.config.tree import is_source
from app.rules.compiler import Place
from app.suggestions import did_you_mean

_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")

_EXPECTED = {
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "dict_type": "a table",
    "model_type": "a table",
    "tuple_type": "a list",
    "float_type": "a number",
    "datetime_type": "a date and time",
}
_BOUNDS = {
    "less_than_equal": "too large; write {le} or less",
    "greater_than_equal": "too small; write {ge} or more",
    "greater_than": "too small; write more than {gt}",
    "too_short": "empty; write at least one",
    "string_too_short": "empty; leave the key out, or write something",
}
_MISSING = {
    "public_url": 'the URL that Plivo calls, as public_url = "https://sms.example.com"',
    "auth_tokens": 'auth_tokens = { env = "PLIVO_AUTH_TOKEN" }',
    "to": 'the numbers of the route, or to = "*" for every other number',
    "url": 'where to post, as url = "https://crm.example.com/sms"',
    "listen": 'the address and port, as listen = "127.0.0.1:9090"',
    "timezone": 'timezone = "Europe/Paris"',
    "hours": 'hours = "Mo-Fr 09:00-18:00"',
    "expect": 'what the reply must be, as expect = { rule = "menu" }',
    "tests.to": 'your number, as to = "+33644600000"',
    "from": 'who writes, as from = "+33700000001"',
    "name": "a name in words",
    "text": 'text = ".."',
}


def advice(detail: ErrorDetails, place: Place, value: Any) -> str:
    """Return what to say of pydantic's error about the value at a place: the problem, then what to write instead."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("value_error", "string_type") and isinstance(value, Mapping) and not is_source(value):
        return f"expected a text in quotes, not a table{_source_advice(value)}"
    if kind in ("value_error", "literal_error") and (shell := of_a_shell(value)):
        return shell
    key = str(place[-1])
    missing = _MISSING.get(f"{place[0]}.{key}") or _MISSING.get(key, f"{key} = ..")
    special: dict[str, Callable[[], str]] = {
        "missing": lambda: f"required; write {missing}",
        "literal_error": lambda: f"not a possible value; write {str(context['expected']).replace(chr(39), chr(34))}",
        "value_error": lambda: str(context["error"]),
        "timezone_aware": lambda: "a time without its offset; write it as 2026-03-02T10:00:00+01:00",
    }
    if kind in special:
        return special[kind]()
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, not {_kind(value)}{_advice_on(kind, value)}"
    if kind in _BOUNDS:
        return _BOUNDS[kind].format_map({name: _bound(bound, value) for name, bound in context.items()})
    return detail["msg"].replace("Input should be", "must be")


def expected_table(place: Place, data: Any) -> str:
    """Return what to say of something else where a table belongs."""
    name = ".".join(map(str, place))
    has_header = all(isinstance(key, str) for key in place)
    message = f"expected a table, not {_kind(data)}"
    if isinstance(data, list) and data and all(isinstance(one, Mapping) for one in data):
        return f"{message}; write [{name}] with one bracket on each side"
    return f"{message}; write [{name}] and its keys below" if has_header else message


def of_a_shell(value: Any) -> str | None:
    """Return what to say of a text such as $NAME, or None of any other text."""
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    return f'looks like a variable; write {{ env = "{found[1]}" }}' if found else None


def _source_advice(table: Mapping[str, Any]) -> str:
    """What a table that stands for a text lacks."""
    known = ("env", "file", "optional", "default")
    unknown = next((key for key in table if key not in known), None)
    return f"; it has no key {unknown}, {did_you_mean(unknown, known)}" if unknown else '; write { env = "NAME" }'


def _bound(bound: Any, value: Any) -> str:
    """A bound as the file writes it."""
    if isinstance(value, str) and re.search(r"(?:ms|[smhd])\s*$", value) and isinstance(bound, int | float):
        return written_duration(bound)
    if isinstance(value, str) and value.rstrip().endswith("B") and isinstance(bound, int):
        return written_size(bound)
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _kind(value: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (bool, "true or false"),
        (str, "a text"),
        (int, "a number"),
        (float, "a fraction"),
        (datetime | date | time, "a date or time"),
        (list, "a list"),
        (Mapping, "a table"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing")


def _advice_on(kind: str, value: Any) -> str:
    if kind == "datetime_type":
        return "; write it without quotes, as 2026-03-02T10:00:00+01:00"
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return "; put quotes around it" if kind == "string_type" and is_number else ""
