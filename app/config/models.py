"""Pydantic models, made from the dataclasses that declare the keys of a table (`app.notation`), and back.

A new key needs nothing here: the type of its field says what the file may hold.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, create_model

from app.config.fields import VALUES, needed, one_or_many, resolve
from app.config.tree import is_source
from app.notation import Doc, Example, Key, Notation

TEXT_TAG, TABLE_TAG = "\0text", "\0table"  # members of a union; pydantic puts them into the path of a fault

T = TypeVar("T")

Declaration = tuple[str, dataclasses.Field[Any], Any]


class Strict(BaseModel):
    """A table: unknown keys are faults, types are not bent, inputs are never printed."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, arbitrary_types_allowed=True)
    declared: ClassVar[type[Any]]  # the dataclass that an inner table becomes


def declarations(options: type[Any]) -> tuple[Declaration, ...]:
    """Each key that a dataclass declares: its name in the file, its field, its type with all that is annotated."""
    declared: Any = options  # mypy takes no type for hashable
    return _declarations(declared)


@cache
def _declarations(options: Any) -> tuple[Declaration, ...]:
    hints = get_type_hints(options, include_extras=True)
    found = []
    for field in dataclasses.fields(options):
        metadata = get_args(hints[field.name])[1:]
        if any(isinstance(one, Doc) for one in metadata):
            name = next((one.name for one in metadata if isinstance(one, Key)), field.name)
            found.append((name, field, hints[field.name]))
    return tuple(found)


def keys_of(*options: type[Any]) -> frozenset[str]:
    """The names of the keys that these dataclasses declare."""
    return frozenset(key for one in options for key, _, _ in declarations(one))


@cache
def model_of(*options: type[Any]) -> type[Strict]:
    """The model of a table whose keys these dataclasses declare together."""
    declared = {
        field.name: (_annotation(hint), _info(key, field)) for one in options for key, field, hint in declarations(one)
    }
    model = create_model(options[-1].__name__, __base__=Strict, **declared)  # type: ignore[call-overload]
    model.declared = options[-1]
    return model  # type: ignore[no-any-return]


def build(options: type[T], model: Strict, base: T | None = None, **others: Any) -> T:
    """The dataclass with what the file says; where it says nothing, with what `base` has. `others`: fields that are no
    keys.
    """
    values = {}
    for _, field, _ in declarations(options):
        below = getattr(base, field.name, None)
        is_said = base is None or field.name in model.model_fields_set
        values[field.name] = _plain(getattr(model, field.name), below) if is_said else below
    return options(**values, **others)


def _plain(value: Any, base: Any = None) -> Any:
    """The value without models in it."""
    if isinstance(value, Strict):
        return build(value.declared, value, base)
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def _info(key: str, field: dataclasses.Field[Any]) -> Any:
    alias = key if key != field.name else None
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory, alias=alias)
    return Field(... if field.default is dataclasses.MISSING else field.default, alias=alias)


def _annotation(hint: Any) -> Any:
    """What the file may hold where a dataclass has this type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(*arguments)
    if hint in VALUES:
        return VALUES[hint]
    if origin is Literal:
        return Annotated[hint, BeforeValidator(needed)]
    if origin is tuple:
        return Annotated[tuple[_annotation(arguments[0]), ...], BeforeValidator(one_or_many)]  # type: ignore[misc]
    if origin is Mapping:
        return dict[str, _annotation(arguments[1])]  # type: ignore[misc]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return model_of(hint)
    if origin in (Union, UnionType) and arguments[-1] is NoneType:
        return _optional(arguments[0])
    if origin in (Union, UnionType) and arguments[0] is str:
        text, table = (_annotation(member) for member in arguments)
        return Annotated[Annotated[text, Tag(TEXT_TAG)] | Annotated[table, Tag(TABLE_TAG)], Discriminator(_tag)]
    message = f"no field type for {hint}: add it to fields.VALUES"
    raise TypeError(message)


def _bounded(hint: Any, *metadata: Any) -> Any:
    """A type with its bounds, which are for what an optional value is, if it is there."""
    value = next((VALUES[one] for one in metadata if isinstance(one, Notation)), None)
    bounds = [one for one in metadata if not isinstance(one, Notation | Doc | Example | Key)]
    if value is None and get_args(hint)[-1:] == (NoneType,) and bounds:
        return _optional(Annotated[get_args(hint)[0], *bounds])
    value = value or _annotation(hint)
    return Annotated[value, *bounds] if bounds else value


def _optional(hint: Any) -> Any:
    inner = _annotation(hint)
    is_single = get_origin(hint) is not tuple and not dataclasses.is_dataclass(hint)
    return Annotated[inner | None, BeforeValidator(resolve)] if is_single else inner | None


def _tag(value: Any) -> str:
    return TABLE_TAG if isinstance(value, Mapping) and not is_source(value) else TEXT_TAG
