"""Build rules from their options. `KINDS` lists every kind of rule.

A new kind is one file (a dataclass of options whose `build` returns an async action) and one line in `_KINDS`. The
configuration reads the keys and types of the options from the dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol

from app.notation import Doc, Example, Interval, Seconds
from app.rules import conditions
from app.rules.compiler import RuleCompiler
from app.rules.conditions import ConditionOptions
from app.rules.kinds import forward, keywords, python, silence, text, webhook
from app.rules.rule import LIFETIME, MAX_LIFETIME, Action, Cooldown, Rule


class KindOptions(Protocol):
    """The options of one kind of rule. `KEY` is the key in the file that selects the kind."""

    KEY: ClassVar[str]

    def build(self, compiler: RuleCompiler) -> Action:
        """Build the action. Faults are reported to the compiler."""
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
    """The options of one `[rules.x]`: conditions, one action, and what every rule may have.

    Texts are not parsed yet.
    """

    name: str
    conditions: ConditionOptions
    action: KindOptions
    cooldown: Cooldown | None = None
    src: Annotated[
        str | None,
        Example("+33644600009"),
        Doc("Another of your numbers to reply from. Default: the number that was texted."),
    ] = None
    timeout: Annotated[
        Seconds,
        Interval(gt=0, le=MAX_LIFETIME),
        Doc("How long a webhook or function may take. Beyond the deadline, Plivo's next call gets the answer."),
    ] = LIFETIME


def build(options: RuleOptions, compiler: RuleCompiler) -> Rule:
    """Build a rule. Faults are reported to the compiler."""
    built, compiler = conditions.build(options.conditions, compiler)
    src = compiler.number("src", options.src) if options.src is not None else None
    action = options.action.build(compiler)
    has_effects = action.calls_out or action.has_cooldown or options.cooldown is not None
    return Rule(options.name, built, action, src, options.timeout, options.cooldown, has_effects)
