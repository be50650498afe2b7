"""The tables of rules: which kind a table is, and its options."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from app.config.diagnostics import Diagnostics
from app.config.models import build, declarations, model_of
from app.config.validation import validated
from app.rules import KINDS, KindOptions, RuleOptions
from app.rules.compiler import Place
from app.rules.conditions import ConditionOptions
from app.rules.rule import CooldownOptions
from app.suggestions import did_you_mean

COMMON = (ConditionOptions, CooldownOptions, RuleOptions)  # what every rule may have


@cache
def option_names() -> frozenset[str]:
    """Every key that some rule may have."""
    return frozenset(key for options in (*COMMON, *KINDS.values()) for key, _, _ in declarations(options))


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
    model = validated(model_of(*COMMON, kind), table, place, folder, faults, also=(*option_names(), *also))
    if model is None:
        return None
    action, conditions = build(kind, model), build(ConditionOptions, model)
    if isinstance(getattr(action, "keywords", None), Mapping):
        _refuse_misplaced(action.keywords, place, faults)  # type: ignore[attr-defined]
    for key, field, _ in declarations(ConditionOptions):
        if key in table and not getattr(conditions, field.name):
            faults.note(
                (*place, key), "it comes out empty, and without it the rule would be for everybody; leave it out"
            )
    cooldown = build(CooldownOptions, model).build()
    return build(RuleOptions, model, name=name or kind.KEY, conditions=conditions, action=action, cooldown=cooldown)


def _kind_of(table: Mapping[str, Any], place: Place, faults: Diagnostics) -> type[KindOptions] | None:
    """The kind whose key is there, and whose options cover the other kinds' keys that are there too."""
    present = [key for key in KINDS if key in table]
    fitting = [KINDS[key] for key in present if set(present) <= _keys(KINDS[key])]
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


def _keys(kind: type[KindOptions]) -> set[str]:
    return {key for key, _, _ in declarations(kind)}
