"""The values in force, defaults included and secrets masked, as the file would write them: for `config show`."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from app.config.forms import written
from app.config.models import declarations, keys_of
from app.config.rule_options import COMMON
from app.config.schema import notation_of
from app.config.secrecy import is_secret, masked
from app.config.source import Source
from app.config.tables import LISTS, TABLES
from app.config.tree import is_source
from app.notation import Notation
from app.rules import KINDS
from app.rules.compiler import Place

_NAMED = ("schedules", "targets")


def effective(source: Source) -> dict[str, Any]:
    """Every table, with what the file says and the defaults of what it does not say."""
    found: dict[str, Any] = {}
    for name, options in TABLES.items():
        data = source.data.get(name)
        if options is None:
            rules = data or {}
            found[name] = {rule: _rule(source, ("rules", rule), table) for rule, table in rules.items()}
        elif name in LISTS:
            each = enumerate(data if isinstance(data, list) else [data] if data else [])
            found[name] = [_element(source, (name, index), table, options) for index, table in each]
        elif name in _NAMED:
            tables = data or {}
            found[name] = {one: _table(source, (name, one), table, [options]) for one, table in tables.items()}
        elif data is not None or not _is_optional(options):
            found[name] = _table(source, (name,), data or {}, [options])
    return {name: table for name, table in found.items() if table}


def _is_optional(options: type[Any]) -> bool:
    """Whether a table without its required keys is left out as a whole, as `[admin]`."""
    return any(
        field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for _, field, _ in declarations(options)
    )


def _element(source: Source, place: Place, table: Mapping[str, Any], options: type[Any]) -> dict[str, Any]:
    own = {key: value for key, value in table.items() if key in keys_of(options)}
    others = {key: value for key, value in table.items() if key not in own}
    return _table(source, place, own, [options]) | (_rule(source, place, others) if others else {})


def _rule(source: Source, place: Place, table: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for key, kind in KINDS.items() if key in table and table.keys() <= keys_of(*COMMON, kind)]
    return _table(source, place, table, [*COMMON, *kinds[:1]])


def _table(source: Source, place: Place, table: Mapping[str, Any], options: Iterable[type[Any]]) -> dict[str, Any]:
    found = {}
    for one in options:
        for key, field, hint in declarations(one):
            inner = next((kind for kind in (hint, *get_args(hint)) if dataclasses.is_dataclass(kind)), None)
            if isinstance(inner, type) and not _is_left_out(field, table.get(key)):
                found[key] = _table(source, (*place, key), table.get(key) or {}, [inner]) or None
            elif key in table:
                found[key] = _said(source, (*place, key), table[key], hint)
            else:
                default = written(field.default, notation_of(hint))
                found[key] = None if default in (dataclasses.MISSING, [], "") else default
    return {key: value for key, value in found.items() if value is not None}


def _is_left_out(field: dataclasses.Field[Any], table: Any) -> bool:
    """Whether an inner table is None without being said: a route's own limits."""
    return table is None and field.default is None


def _said(source: Source, place: Place, value: Any, hint: Any) -> Any:
    """A value of the file; what stands elsewhere is looked up, unless it is secret."""
    if is_source(value):
        text = source.resolved(value)
        return masked(place, text) if text is None or is_secret(place) else _lines(masked(place, text), hint)
    if isinstance(value, list):
        said = [_said(source, (*place, index), one, hint) for index, one in enumerate(value)]
        return [one for one in said if one is not None]
    if isinstance(value, Mapping) and notation_of(hint) is not Notation.HEADERS:
        return {key: _said(source, (*place, key), one, hint) for key, one in value.items()}
    return masked(place, value)


def _lines(text: str, hint: Any) -> Any:
    """A list of numbers in a file, one a line; anything else as it is."""
    if "\n" not in text or "tuple" not in str(hint):
        return text
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
