"""From a table of the file to the dataclass that declares it, or to errors in words that help.

What cannot be read is left out, and what is left is read all the same, so that every error is told in one go. What is
missing then is noted as unread (`Source.forget`), so that no second error comes of it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.config.forms import written_duration
from app.config.models import TABLE_TAG, TEXT_TAG, Strict, build, keys_of, model_of
from app.config.source import Source
from app.config.tables import INCLUDE
from app.config.tree import is_source
from app.rules import KINDS
from app.rules.compiler import Place
from app.suggestions import did_you_mean, suggestion

T = TypeVar("T")

_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_KEY_TAG = "[key]"  # pydantic's, of a key that is wrong itself
_ROUNDS = 10  # what is left out may uncover something else

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
_STAND_INS: Mapping[str, Any] = {  # for what is required and cannot be read
    "auth_tokens": [],
    "to": [],
    "text": "",
    "keywords": {},
    "webhook": "https://localhost",
    "forward": [],
    "python": "",
    "silence": True,
}


def check(options: type[T], source: Source, place: Place, data: Any, base: T | None = None, **others: Any) -> T | None:
    """The dataclass that declares a table, filled from it; or None and its errors. See `models.build`."""
    declared: Any = options
    model = validated(model_of(declared), source, place, data)
    return build(options, model, base, **others) if model else None


def validated(
    model: type[Strict], source: Source, place: Place, data: Any, also: tuple[str, ...] = ()
) -> Strict | None:
    """The model of what can be read, or None. `also`: keys that a misspelt one may have meant."""
    if not isinstance(data, Mapping):
        source.refuse(place, f"expected a table, not {_kind(data)}{_table_advice(place, data)}")
        source.forget(place)
        return None
    table = dict(data)
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(table, context={"source": source})
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            _tell(model, source, place, details, also)
            left_out = [_leave_out(table, source, place, detail) for detail in details]
            if not all(left_out):
                return None
    return None


def refuse_unknown(source: Source, place: Place, key: str, known: Iterable[str]) -> None:
    """Note an unknown key. What it may have meant is missed no more."""
    names = sorted(known)
    advice = "write it at the top of the file, before the first table" if key == INCLUDE else did_you_mean(key, names)
    message = f"not an option here; {_homes(key)}" if key in names else f"unknown key; {advice}"
    source.refuse((*place, key), message, about="key")
    if meant := suggestion(key, names):
        source.forget((*place, meant))


def _homes(key: str) -> str:
    """Where an option of rules belongs."""
    kinds = [name for name, kind in KINDS.items() if key in keys_of(kind)]
    return f"it belongs to a rule with {' or '.join(kinds)}" if kinds else "leave it out"


def _tell(
    model: type[Strict], source: Source, place: Place, details: Iterable[ErrorDetails], also: tuple[str, ...]
) -> None:
    """Note each error; the unknown keys first, for what they may have meant is not missing."""
    for detail in sorted(details, key=lambda one: one["type"] != "extra_forbidden"):
        full = (*place, *_where(detail))
        if detail["type"] == "extra_forbidden":
            inner = _model_at(model, _where(detail)[:-1])
            known = known_keys(inner) | (set(also) if inner is model else set())
            refuse_unknown(source, full[:-1], str(full[-1]), known)
        elif not source.is_unread(full):
            message = _advice(detail, full, source.value(full))
            source.refuse(full, message, about="key" if detail["loc"][-1] == _KEY_TAG else "value")


def _leave_out(table: dict[str, Any], source: Source, place: Place, detail: ErrorDetails) -> bool:
    """Leave out what is wrong, or put something harmless in its place. False: there is no such thing."""
    left_out = _delete(table, _where(detail))
    if detail["type"] == "extra_forbidden":
        return True
    source.forget((*place, *left_out))
    if len(left_out) == 1 and detail["type"] == "missing":
        if left_out[0] not in _STAND_INS:
            return False
        table[str(left_out[0])] = _STAND_INS[str(left_out[0])]
    return True


def _where(detail: ErrorDetails) -> Place:
    return tuple(key for key in detail["loc"] if key not in (TEXT_TAG, TABLE_TAG, _KEY_TAG))


def _delete(table: dict[str, Any], where: Place) -> Place:
    """Delete what stands there, or the list or table that it belongs to; the place of what was deleted.

    Tables are copied on the way, for they belong to the file.
    """
    inner: dict[str, Any] = table
    for depth, key in enumerate(where[:-1], 1):
        below = inner.get(str(key))
        if not isinstance(below, Mapping) or is_source(below) or (depth == len(where) - 1 and where[-1] not in below):
            inner.pop(str(key), None)
            return where[:depth]
        inner[str(key)] = inner = dict(below)
    inner.pop(str(where[-1]), None)
    return where


def known_keys(model: type[Strict]) -> set[str]:
    """The keys of a model."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _model_at(model: type[Strict], path: Place) -> type[Strict]:
    """The model of a table inside a table, whose keys a misspelt one may have meant."""
    inner = model
    for key in path:
        hint = next(
            (field.annotation for name, field in inner.model_fields.items() if key in (name, field.alias)), None
        )
        found = [one for one in _members(hint) if isinstance(one, type) and issubclass(one, Strict)]
        if found:
            inner = found[0]
    return inner


def _members(hint: Any) -> list[Any]:
    """A type, and the types that it is made of."""
    return [hint, *(member for one in get_args(hint) for member in _members(one))]


def _advice(detail: ErrorDetails, place: Place, value: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("value_error", "string_type") and isinstance(value, Mapping) and not is_source(value):
        return f"expected a text in quotes, not a table{_source_advice(value)}"
    if kind in ("value_error", "literal_error") and (advice := of_a_shell(value)):
        return advice
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


def _source_advice(table: Mapping[str, Any]) -> str:
    """What a table that stands for a text lacks."""
    known = ("env", "file", "optional", "default")
    unknown = next((key for key in table if key not in known), None)
    return f"; it has no key {unknown}, {did_you_mean(unknown, known)}" if unknown else '; write { env = "NAME" }'


def of_a_shell(value: Any) -> str | None:
    """What to write for a text such as $NAME, or None if it is another text."""
    found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    return f'looks like a variable; write {{ env = "{found[1]}" }}' if found else None


def _bound(bound: Any, value: Any) -> str:
    """A bound as the file writes it."""
    if isinstance(value, str) and re.search(r"(?:ms|[smhd])\s*$", value) and isinstance(bound, int | float):
        return written_duration(bound)
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


def _table_advice(place: Place, data: Any) -> str:
    name = ".".join(map(str, place))
    if isinstance(data, list) and data and all(isinstance(one, Mapping) for one in data):
        return f"; write [{name}] with one bracket on each side"
    has_header = all(isinstance(key, str) for key in place)
    return f"; write [{name}] and its keys below" if has_header else ""
