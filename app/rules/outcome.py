"""The results of rules, and the outcome of a route's rules. Pure values."""

from dataclasses import dataclass
from typing import Literal

from app.frozen import frozen
from app.plivo.messages import Outgoing

COOLDOWN = "cooldown: "  # how a reason begins if a cooldown forbids the answer

StepVerdict = Literal["answers", "passes", "fails", "not asked"]


@dataclass(frozen=True, slots=True)
class Use:
    """The cooldown that an answer uses up: the sender gets the same answer again only after `seconds`."""

    key: str
    seconds: float


@frozen
class Answers:
    """The result of a rule that answers: the messages to send, none for intentional silence."""

    messages: tuple[Outgoing, ...]
    reason: str
    uses: tuple[Use, ...] = ()
    forwards: bool = False  # the reason will tell how many other people get the message, once that is known


@frozen
class Passes:
    """The result of a rule that has nothing to say. The next rule is asked."""

    reason: str


@frozen
class Fails:
    """The result of a rule that failed. The next rule is asked; if none answers, Plivo has to call again."""

    reason: str


@frozen
class Redirects:
    """The result of a rule that wants another rule of the same route to be asked next."""

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
    """The outcome of a route's rules. Without an `answer`, all of them passed or failed."""

    answer: Answers | None
    rule: str | None
    steps: tuple[Step, ...]

    @property
    def failed(self) -> bool:
        """Whether nothing answered and something failed, so that Plivo's next call may still get an answer."""
        return self.answer is None and any(step.verdict == "fails" for step in self.steps)

    @property
    def failures(self) -> tuple[Step, ...]:
        """The steps of the rules that failed."""
        return tuple(step for step in self.steps if step.verdict == "fails")
