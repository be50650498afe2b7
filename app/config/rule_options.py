"""The tables of rules: which kind a table is, and its options."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from app.config.models import build, declarations, keys_of, model_of
from app.config.source import Source
from app.config.validation import refuse_unknown, validated
from app.rules import KINDS, KindOptions, RuleOptions
from app.rules.compiler import Place
from app.rules.conditions import ConditionOptions
from app.rules.rule import CooldownOptions

COMMON = (ConditionOptions, CooldownOptions, RuleOptions)  # what every rule may have


@cache
def option_names() -> frozenset[str]:
    """Every key that some rule may have."""
    return keys_of(*COMMON, *KINDS.values())


def read_rule(source: Source, name: str, place: Place, table: Any, also: Iterable[str] = ()) -> RuleOptions | None:
    """The options of one rule, or None and its errors. A nameless one is called by its kind.

    `also`: keys that a misspelt one may have meant.
    """
    if not isinstance(table, Mapping):
        validated(model_of(*COMMON), source, place, table)
        return None
    kind = _kind_of(source, place, table)
    if kind is None:
        source.forget(place)
        return None
    model = validated(model_of(*COMMON, kind), source, place, table, also=(*option_names(), *also))
    if model is None:
        source.forget(place)
        return None
    action, conditions = build(kind, model), build(ConditionOptions, model)
    if isinstance(getattr(action, "keywords", None), Mapping):
        _refuse_misplaced(source, place, action.keywords)  # type: ignore[attr-defined]
    for key, field, _ in declarations(ConditionOptions):
        if key in table and not getattr(conditions, field.name):
            source.note(
                (*place, key), "a condition that comes out empty, and the rule would be for everybody; leave it out"
            )
    cooldown = build(CooldownOptions, model).build()
    return build(RuleOptions, model, name=name or kind.KEY, conditions=conditions, action=action, cooldown=cooldown)


def _kind_of(source: Source, place: Place, table: Mapping[str, Any]) -> type[KindOptions] | None:
    """The kind whose key is there, and whose options cover the other kinds' keys that are there too."""
    present = [key for key in KINDS if key in table]
    fitting = [KINDS[key] for key in present if set(present) <= keys_of(KINDS[key])]
    if len(fitting) == 1:
        return fitting[0]
    if present:
        source.refuse(place, f"more than one action: {' and '.join(present)}; make it two rules")
        return None
    unknown = sorted(table.keys() - option_names())
    for key in unknown:
        refuse_unknown(source, place, key, option_names())
    if not unknown:
        source.refuse(place, f"a rule without an action; write one of {', '.join(KINDS)}")
    return None


def _refuse_misplaced(source: Source, place: Place, keywords: Mapping[str, Any]) -> None:
    for key in keywords:
        if key in option_names():
            message = f'an option among the keywords; move it above [..keywords], or write the word as "{key.upper()}"'
            source.note((*place, "keywords", key), message, about="key")
