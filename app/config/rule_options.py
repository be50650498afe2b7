"""The tables of rules: which kind a table is, and its model, read off the kind's own dataclass.

So a new kind of rule needs nothing here: its fields' types say what the file may hold.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, Discriminator, Field, Tag, create_model

from app.config.diagnostics import Diagnostics, did_you_mean
from app.config.fields import (
    Choice,
    Duration,
    HeaderMap,
    HttpUrl,
    OptionalText,
    Secrets,
    Strict,
    Text,
    TextMap,
    Texts,
    is_source,
)
from app.config.validation import TABLE_TAG, TEXT_TAG, check, known_keys
from app.http_client import Headers, Secret, Url
from app.rules import KINDS, KindOptions, RuleOptions
from app.rules.compiler import Place
from app.rules.conditions import ConditionOptions
from app.rules.rule import LIFE, MAX_LIFE, Cooldown, Seconds

_FIELDS: dict[Any, Any] = {
    Seconds | None: Annotated[Duration, Field(gt=0)] | None,
    Url: HttpUrl,
    tuple[Secret, ...]: Secrets,
    Headers: HeaderMap,
    str: Text,
    str | None: OptionalText,
    tuple[str, ...]: Texts,
    Mapping[str, str]: TextMap,
    bool: bool,
}


class Common(Strict):
    """What every rule may have."""

    match: OptionalText = None
    sender: Annotated[Texts, Field(alias="from")] = ()
    open: OptionalText = None
    closed: OptionalText = None
    src: OptionalText = None
    cooldown: Annotated[Duration, Field(gt=0)] | None = None
    cooldown_then: Annotated[Literal["silence", "pass"], Choice] = "silence"
    timeout: Annotated[Duration, Field(gt=0, le=MAX_LIFE)] = LIFE


@cache
def option_names() -> frozenset[str]:
    """Every key that some rule may have."""
    return frozenset(known_keys(Common)).union(*(_names(kind) for kind in KINDS.values()))


def read_rule(
    name: str, table: Any, place: Place, folder: Path, faults: Diagnostics, also: Iterable[str] = ()
) -> RuleOptions | None:
    """The options of one rule, or None and its faults. A nameless one is called by its kind.

    `also`: keys that a misspelt one may have meant.
    """
    if not isinstance(table, Mapping):
        faults.note(place, "expected a table")
        return None
    kind = _kind_of(table, place, faults)
    if kind is None:
        return None
    model = check(_rule_model(kind), table, place, folder, faults, also=(*option_names(), *also))
    if model is None:
        return None
    action = kind(**{field: getattr(model, field) for field in _names(kind)})
    if isinstance(getattr(action, "keywords", None), Mapping):
        _refuse_misplaced(action.keywords, place, faults)  # type: ignore[attr-defined]
    for key, value in (("match", model.match), ("from", model.sender), ("open", model.open), ("closed", model.closed)):
        if key in table and not value:
            faults.note(
                (*place, key), "it comes out empty, and without it the rule would be for everybody; leave it out"
            )
    conditions = ConditionOptions(model.match, model.sender, model.open, model.closed)
    cooldown = Cooldown(model.cooldown, model.cooldown_then) if model.cooldown else None
    return RuleOptions(name or kind.KEY, conditions, action, model.src, model.timeout, cooldown)


def _kind_of(table: Mapping[str, Any], place: Place, faults: Diagnostics) -> type[KindOptions] | None:
    """The kind whose key is there, and whose options cover the other kinds' keys that are there too."""
    present = [key for key in KINDS if key in table]
    fitting = [KINDS[key] for key in present if set(present) <= set(_names(KINDS[key]))]
    if len(fitting) == 1:
        return fitting[0]
    if present:
        faults.note(place, f"exactly one action, not {' and '.join(present)}: make it two rules")
    else:
        for key in sorted(table.keys() - option_names()):
            faults.note((*place, key), f"unknown key; {did_you_mean(key, option_names())}")
        faults.note(place, f"a rule needs one action: {', '.join(KINDS)}")
    return None


def _refuse_misplaced(keywords: Mapping[str, Any], place: Place, faults: Diagnostics) -> None:
    for key in keywords:
        if key in option_names():
            advice = f'is an option, not a keyword: move it above [..keywords], or write the word as "{key.upper()}"'
            faults.note((*place, "keywords", key), advice)


def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _rule_model(kind: type[KindOptions]) -> type[Any]:
    return create_model(kind.KEY, __base__=Common, **_fields(kind))


def _fields(options: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(options)
    return {field.name: (_annotation(hints[field.name]), _default(field)) for field in dataclasses.fields(options)}


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory)
    return ... if field.default is dataclasses.MISSING else field.default


def _annotation(hint: Any) -> Any:
    """What the file may hold where a dataclass has this type."""
    if hint in _FIELDS:
        return _FIELDS[hint]
    if get_origin(hint) is Literal:
        return Annotated[hint, Choice]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        model = create_model(hint.__name__, __base__=Strict, **_fields(hint))
        return Annotated[
            model, AfterValidator(lambda made: hint(**{name: getattr(made, name) for name in _names(hint)}))
        ]
    if get_origin(hint) is Mapping:
        return dict[str, _annotation(get_args(hint)[1])]  # type: ignore[misc]
    if isinstance(hint, UnionType) and len(get_args(hint)) == 2 and get_args(hint)[0] is str:  # noqa: PLR2004
        text, table = (_annotation(member) for member in get_args(hint))
        return Annotated[
            Annotated[text, Tag(TEXT_TAG)] | Annotated[table, Tag(TABLE_TAG)], Discriminator(_text_or_table)
        ]
    message = f"no field type for {hint}: add it to _FIELDS"
    raise TypeError(message)


def _text_or_table(value: Any) -> str:
    return TABLE_TAG if isinstance(value, Mapping) and not is_source(value) else TEXT_TAG
