"""Rules without a file: a compiler that keeps what is noted, and a message put to one rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.plivo.messages import InboundMessage, Outgoing
from app.plivo.numbers import Reading, normalise
from app.rules import KindOptions, RuleOptions, build
from app.rules.compiler import Place, RuleCompiler, Severity
from app.rules.conditions import ConditionOptions
from app.rules.outcome import Answers, Outcome, RuleResult, Use
from app.rules.rule import Cooldown, Rule, RuleContext
from app.rules.schedules import Schedule
from app.rules.services import RuleServices

UUID = "00000000-0000-0000-0000-000000000001"
CUSTOMER, US = "33700000001", "33644600000"
NINE = 1_772_442_000.0  # 2026-03-02 09:00:00 UTC, a Monday


@dataclass
class Bench:
    """Where rules are built; `noted` is what was wrong with them."""

    noted: list[tuple[Place, str, Severity]] = field(default_factory=list)
    marked: list[tuple[Literal["key", "value"], range | None]] = field(default_factory=list)  # which part of each
    vars: dict[str, frozenset[str]] = field(default_factory=lambda: {"support": frozenset({"shop"})})
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    folder: Path = Path()

    def build(
        self,
        action: KindOptions,
        conditions: ConditionOptions | None = None,
        src: str | None = None,
        cooldown: Cooldown | None = None,
    ) -> Rule:
        """The rule `[rules.x]`."""
        compiler = RuleCompiler(
            ("rules", "x"),
            self._note,
            _read_number,
            lambda source: Reading(_read_number(source)),
            self.vars,
            schedules=self.schedules,
            folder=self.folder,
        )
        return build(RuleOptions("x", conditions or ConditionOptions(), action, cooldown, src), compiler)

    def told(self, severity: Severity = "error") -> list[tuple[Place, str]]:
        """The faults of one severity, below the rule."""
        return [(place[2:], message) for place, message, one in self.noted if one == severity]

    def _note(
        self,
        place: Place,
        message: str,
        severity: Severity = "error",
        *,
        about: Literal["key", "value"] = "value",
        at: range | None = None,
    ) -> None:
        self.noted.append((place, message, severity))
        self.marked.append((about, at))


def _read_number(source: str) -> str:
    number = normalise(source)
    if not number.isdigit():
        message = "not a phone number"
        raise ValueError(message)
    return number


def good(action: KindOptions, conditions: ConditionOptions | None = None, src: str | None = None) -> Rule:
    """A rule with nothing wrong."""
    compiler = Bench()
    rule = compiler.build(action, conditions, src)
    assert not compiler.told(), compiler.noted
    return rule


def context(text: str = "hello", sender: str = CUSTOMER, to: str = US, at: float = NINE) -> RuleContext:
    """A message to a route with `vars = { shop = "Roma" }`, put to a rule."""
    message = InboundMessage.of(UUID, sender, to, text)
    return RuleContext(message, "support", at, {"shop": "Roma"}, {}, RuleServices(), message.to, "x")


def texts(result: RuleResult) -> list[str]:
    """What it says, or a test that fails."""
    return [message.text for message in sent(result)]


def sent(result: RuleResult) -> tuple[Outgoing, ...]:
    """The messages of an answer."""
    assert isinstance(result, Answers), result
    return result.messages


def said(outcome: Outcome) -> tuple[Outgoing, ...]:
    """The messages of what the rules of a route came to; none if nothing answered."""
    return outcome.answer.messages if outcome.answer else ()


def used(outcome: Outcome) -> tuple[Use, ...]:
    """The cooldowns that begin with it."""
    return outcome.answer.uses if outcome.answer else ()
