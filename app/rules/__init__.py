"""Which rule answers: the register of kinds, and how a rule is made from its options.

A new kind is one file (an `Options` dataclass whose `build` returns an async action) and one line in
`KINDS`. The config reads the keys and types of its options from the dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from app.rules import conditions
from app.rules.compiler import RuleCompiler
from app.rules.conditions import ConditionOptions
from app.rules.kinds import forward, keywords, python, silence, text, webhook
from app.rules.rule import LIFE, Action, Cooldown, Rule


class KindOptions(Protocol):
    """What a kind's options can do. KEY is the key of the file that chooses the kind."""

    KEY: ClassVar[str]

    def build(self, compiler: RuleCompiler) -> Action:
        """Build the action; faults are noted in the compiler."""
        ...


_KINDS: tuple[type[KindOptions], ...] = (
    text.TextOptions,
    keywords.KeywordsOptions,
    webhook.WebhookOptions,
    python.PythonOptions,
    forward.ForwardOptions,
    silence.SilenceOptions,
)
KINDS: Mapping[str, type[KindOptions]] = {kind.KEY: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """One `[rules.x]` as the file has it, types checked, texts not yet parsed."""

    name: str
    conditions: ConditionOptions
    action: KindOptions
    src: str | None = None
    life: float = LIFE
    cooldown: Cooldown | None = None


def build(options: RuleOptions, compiler: RuleCompiler) -> Rule:
    """Build the rule; what is wrong with it is noted in the compiler."""
    built, compiler = conditions.build(options.conditions, compiler)
    src = compiler.number("src", options.src) if options.src is not None else None
    action = options.action.build(compiler)
    has_effects = action.calls_out or action.has_cooldown or options.cooldown is not None
    return Rule(options.name, built, action, src, options.life, options.cooldown, has_effects)
