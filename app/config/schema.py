"""JSON Schema of the file (draft 2020-12), made from the declarations, for editors that complete and check TOML.

A schema knows one value at a time. What depends on other values, as names that must exist and numbers that two routes
have, is for `check`.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from app.config.forms import FORMS, Schema, written
from app.config.models import declarations, keys_of
from app.config.rule_options import COMMON
from app.config.tables import INCLUDE, LISTS, SHARED, TABLES
from app.notation import Doc, Example, Interval, Len, Notation
from app.rules import KINDS, RuleOptions
from app.rules.table import RouteOptions

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ELSEWHERE = {"$ref": "#/$defs/elsewhere"}
_HEADER_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"

_ELSEWHERE: Schema = {
    "description": "A text that stands elsewhere: in a variable of the environment, or in a file.",
    "type": "object",
    "properties": {
        "env": {"type": "string", "minLength": 1, "description": "The variable, of the environment or of .env."},
        "file": {
            "type": "string",
            "minLength": 1,
            "description": "The file, relative to the folder of the configuration.",
        },
        "optional": {"type": "boolean", "description": "Whether it may be missing."},
        "default": {"type": "string", "description": "What counts if it is missing."},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["env"]}, {"required": ["file"]}],
}
NAMES = {"schedules": r"^[^\d\W][\w-]*$", "rules": "^[A-Za-z0-9_-]+$", "targets": "^[A-Za-z0-9_-]+$"}
_STAR = {"type": "string", "pattern": r"^\s*\*\s*$"}


def schema(*, included: bool = False) -> Schema:
    """The schema of a whole file, or of one that is included."""
    rule = _table(*COMMON, *KINDS.values())
    properties: dict[str, Schema] = {
        INCLUDE: {
            "description": "Files to add, which hold only routes, rules, schedules and tests.",
            "examples": [["teams/*.toml"]],
            **_one_or_many({"anyOf": [{"type": "string"}, ELSEWHERE]}),
        }
    }
    for name, options in TABLES.items():
        table = {"$ref": "#/$defs/rule"} if options is None else _table(options)
        if options is RouteOptions:
            table = _route(table, rule)
        listed = {"anyOf": [{"type": "array", "items": table}, table]}
        properties[name] = _each(name, table) if name in NAMES else listed if name in LISTS else table
    if included:
        properties = {name: properties[name] for name in SHARED}
    needed = {"required": ["server", "plivo"], "anyOf": [{"required": ["routes"]}, {"required": [INCLUDE]}]}
    return {
        "$schema": DIALECT,
        "title": "The configuration of plivo-autoreply",
        "type": "object",
        "properties": properties,
        **({} if included else needed),
        "additionalProperties": False,
        "$defs": {
            "elsewhere": _ELSEWHERE,
            "rule": {**rule, "description": summary(RuleOptions), "required": [], "anyOf": list(_kinds())},
        },
    }


def _each(name: str, table: Schema) -> Schema:
    """A table for each name."""
    keys = {"propertyNames": {"pattern": NAMES[name]}} if NAMES[name] else {}
    return {"description": f"[{name}.x], by name.", "type": "object", "additionalProperties": table, **keys}


def _table(*options: type[Any]) -> Schema:
    """The schema of a table whose keys these dataclasses declare."""
    properties: dict[str, Schema] = {}
    required = []
    for one in options:
        for key, field, hint in declarations(one):
            properties.setdefault(key, _key(field, hint))
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                required.append(key)
    return {
        "description": summary(options[-1]),
        "type": "object",
        "properties": properties,
        "required": sorted(set(required)),
        "additionalProperties": False,
    }


def summary(options: type[Any]) -> str:
    """The first paragraph of what a dataclass says of itself."""
    paragraph = (options.__doc__ or "").split("\n\n")[0]
    text = re.sub(r"\s+", " ", paragraph).strip()
    text = re.sub(r"^(?:One )?`\[\S+\]`: ", "", text)
    return text[:1].upper() + text[1:]


def _route(route: Schema, rule: Schema) -> Schema:
    """A route lists rules, or has one action of its own with everything that a rule may have."""
    own = {key: value for key, value in rule["properties"].items() if key not in route["properties"]}
    listing = {"required": ["rules"], "properties": dict.fromkeys(own, False)}
    acting = [{**kind, "properties": {**kind["properties"], "rules": False}} for kind in _kinds()]
    star = {"properties": {"to": {"anyOf": [_STAR, {"type": "array", "contains": _STAR}]}}}
    return {
        **route,
        "properties": {**route["properties"], **own},
        "allOf": [{"anyOf": [listing, *acting]}, {"anyOf": [{"required": ["name"]}, star]}],
    }


def _kinds() -> Iterable[Schema]:
    """Each kind of rule: its key is there, and no option of another kind."""
    everything, common = keys_of(*KINDS.values()), keys_of(*COMMON)
    for kind, options in KINDS.items():
        others = sorted(everything - keys_of(options) - common)
        yield {"title": f"{kind} rule", "required": [kind], "properties": dict.fromkeys(others, False)}


def _key(field: dataclasses.Field[Any], hint: Any) -> Schema:
    metadata = get_args(hint)[1:]
    description = next(one.documentation for one in metadata if isinstance(one, Doc))
    found: Schema = {"description": f"{description} ({type_in_words(hint)})", **_type(hint)}
    default = written(field.default, notation_of(hint))
    if default not in (dataclasses.MISSING, None, [], ""):
        found["default"] = default
    example = example_of(field, hint)
    found["examples"] = [example.isoformat() if isinstance(example, datetime) else example]
    return found


def example_of(field: dataclasses.Field[Any], hint: Any) -> Any:
    """A value for a key, as the file writes it."""
    told = next((one.value for one in get_args(hint)[1:] if isinstance(one, Example)), None)
    if told is not None:
        return told
    default = written(field.default, notation_of(hint))
    if default not in (dataclasses.MISSING, None, [], "", False):
        return default
    form = form_of(hint)
    return form.example if form else written(field.default, notation_of(hint))


def notation_of(hint: Any) -> Any:
    """The notation or the plain type of a value, or of the elements of a list."""
    if get_origin(hint) is Annotated:
        notation = next((one for one in get_args(hint) if isinstance(one, Notation)), None)
        return notation or notation_of(get_args(hint)[0])
    if get_origin(hint) in (tuple, Union, UnionType):
        return notation_of(get_args(hint)[0])
    return hint


def form_of(hint: Any) -> Any:
    """How a value is written, or the elements of a list are."""
    notation = notation_of(hint)
    return FORMS.get(notation) if notation.__hash__ else None


def type_in_words(hint: Any) -> str:
    """What a value may be, with its bounds."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        form = form_of(hint) if any(isinstance(one, Notation) for one in arguments) else None
        return ", ".join([form.words if form else type_in_words(arguments[0]), *_bounds(hint)])
    if form := FORMS.get(hint) if hint.__hash__ else None:
        return form.words
    if origin is Literal:
        *first, last = (f'"{one}"' for one in arguments)
        return f"{', '.join(first)} or {last}"
    if origin is tuple:
        return f"{type_in_words(arguments[0])}, or a list of them"
    if origin in (Union, UnionType):
        return " or ".join(type_in_words(one) for one in arguments if one is not NoneType)
    return "a table"


def _bounds(hint: Any) -> Iterable[str]:
    for bound in get_args(hint)[1:]:
        if isinstance(bound, Interval):
            words = {"more than": bound.gt, "at least": bound.ge, "at most": bound.le}
            yield from (f"{word} {written(one, notation_of(hint))}" for word, one in words.items() if one is not None)


def _type(hint: Any) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        notation = next((one for one in arguments if isinstance(one, Notation)), None)
        if notation is Notation.HEADERS:
            return {**_type(Mapping[str, str]), "propertyNames": {"pattern": _HEADER_NAME}}
        return _bounded(_single(FORMS[notation]) if notation else _type(arguments[0]), arguments)
    if hint in FORMS:
        return _single(FORMS[hint])
    if origin is Literal:
        return {"anyOf": [{"enum": list(arguments)}, ELSEWHERE]}
    if origin is tuple:
        return _one_or_many(_type(arguments[0]))
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    if origin in (Union, UnionType) and arguments[-1] is NoneType:
        return _type(arguments[0])
    if origin in (Union, UnionType):
        return {"anyOf": [_type(one) for one in arguments]}
    return _table(hint)


def _single(form: Any) -> Schema:
    return {"anyOf": [form.schema, ELSEWHERE]} if form.elsewhere else dict(form.schema)


def _one_or_many(one: Schema) -> Schema:
    members = one["anyOf"] if set(one) == {"anyOf"} else [one]
    return {"anyOf": [*members, {"type": "array", "items": one}]}


def _bounded(found: Schema, metadata: Iterable[Any]) -> Schema:
    """A schema with the bounds that it can tell: of numbers and of the length of texts and lists."""
    for bound in metadata:
        if isinstance(bound, Interval) and found.get("type") == "integer":
            limits = {"minimum": bound.ge, "maximum": bound.le, "exclusiveMinimum": bound.gt}
            found = {**found, **{key: value for key, value in limits.items() if value is not None}}
        if isinstance(bound, Len) and "anyOf" in found:
            least = bound.min_length
            found = {"anyOf": [_at_least(one, least) for one in found["anyOf"]]}
    return found


def _at_least(one: Schema, least: int) -> Schema:
    keys = {"array": "minItems", "string": "minLength"}
    return {**one, keys[one["type"]]: least} if one.get("type") in keys else one
