"""From a table of the file to the dataclass that declares it, or to errors in words that help.

What cannot be read is left out, and what is left is read all the same, so that every error is told in one go. What is
missing then is noted as unread (`Source.forget`), so that no second error comes of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.config.advice import advice, expected_table
from app.config.models import TABLE_TAG, TEXT_TAG, Strict, build, keys_of, model_of
from app.config.source import Source
from app.config.tables import INCLUDE
from app.config.tree import is_source
from app.rules import KINDS
from app.rules.compiler import Place
from app.suggestions import did_you_mean, suggestion

T = TypeVar("T")

_KEY_TAG = "[key]"  # pydantic's, of a key that is wrong itself
_ROUNDS = 10  # what is left out may uncover something else

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
        source.refuse(place, expected_table(place, data))
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
    way_out = "write it at the top of the file, before the first table" if key == INCLUDE else did_you_mean(key, names)
    message = f"not an option here; {_homes(key)}" if key in names else f"unknown key; {way_out}"
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
            message = advice(detail, full, source.value(full))
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
