"""The answer of a rule, and the outcome of a route's rules. Pure values."""

from dataclasses import dataclass
from typing import Literal

from app.frozen import frozen
from app.plivo.messages import Outgoing

StepVerdict = Literal["answers", "passes", "fails", "not asked"]


@dataclass(frozen=True, slots=True)
class Use:
    """What a reply uses up: this sender gets the same again after `seconds` only."""

    key: str
    seconds: float


@frozen
class Answers:
    """The rule decides: these messages, none for silence."""

    messages: tuple[Outgoing, ...]
    reason: str
    uses: tuple[Use, ...] = ()
    forwards: bool = False  # the reason tells how many other people the message reaches, once that is known


@frozen
class Passes:
    """The next rule is asked."""

    reason: str


@frozen
class Fails:
    """The rule could not say. The next one is asked; if none answers, Plivo shall call again."""

    reason: str


@frozen
class Redirects:
    """The rule wants another rule of the same route to be asked next."""

    rule: str
    reason: str


RuleResult = Answers | Passes | Fails | Redirects


@frozen
class Step:
    """One rule's part in a decision, for the journal."""

    rule: str
    verdict: StepVerdict
    reason: str


@frozen
class Outcome:
    """What the rules of a route came to. No `answer`: all passed, or some failed."""

    answer: Answers | None
    rule: str | None
    steps: tuple[Step, ...]

    @property
    def failed(self) -> bool:
        """Nothing answered and something failed: Plivo's next call may still get an answer."""
        return self.answer is None and any(step.verdict == "fails" for step in self.steps)

    @property
    def failures(self) -> tuple[Step, ...]:
        """The rules that failed."""
        return tuple(step for step in self.steps if step.verdict == "fails")
