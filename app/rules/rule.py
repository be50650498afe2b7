"""What a rule is: conditions that must all hold, then one action.

A rule *answers* (messages, or silence on purpose), *passes* (a condition is not met, or its action
has nothing to say) or *fails*. Each result has a reason that `explain` and `history` show; a reason
holds no message text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Protocol, Self

from app.notation import Doc, Interval, Seconds
from app.plivo.messages import InboundMessage, Outgoing
from app.plivo.numbers import normalise, show
from app.rules.outcome import Answers, Fails, Passes, RuleResult, Use
from app.rules.services import RuleServices
from app.rules.templates import Template

LIFE = 5.0  # seconds that a rule may take if it says nothing else
MESSAGES = 10  # in one answer
ALLOW_TO = "Numbers that its replies may go to besides the sender."
MAX_LIFE = 50.0  # seconds; Plivo calls again after 60


@dataclass(slots=True)
class RuleContext:
    """A message put to the rules of a route in turn. Each rule has its own `src`, `rule` and `deadline`."""

    message: InboundMessage
    route: str
    at: float  # when the message came, seconds since the epoch
    vars: Mapping[str, str]  # the route's
    cooldowns: Mapping[str, float]  # key -> when this sender last had that answer
    services: RuleServices
    src: str  # the number that answers
    rule: str = ""
    deadline: float = 0.0  # `time.monotonic()` of the end of the rule's life
    _values: dict[str, str] | None = None

    @property
    def values(self) -> dict[str, str]:
        """The names that a template may use, made when the first one asks; a route's own vars lose against them."""
        if self._values is None:
            message = self.message
            self._values = {
                **self.vars,
                "from": show(message.sender),
                "to": show(message.to),
                "text": message.text,
                "rest": "",
                "route": self.route,
                "message_uuid": message.message_uuid,
            }
        return self._values

    def with_values(self, **values: str) -> Self:
        """The same question with more names."""
        return replace(self, _values={**self.values, **values})

    def write(self, template: Template, **more: str) -> str:
        """The text of a template, which may use these names, and `more`."""
        if template.fixed is not None:
            return template.fixed
        return template.render(self.values | more, self.at)

    def reply(self, text: str, reason: str) -> "Answers":
        """An answer to the sender; a text that came out empty is silence, for Plivo refuses it."""
        if not text.strip():
            return Answers((), f"{reason}; the text is empty")
        return Answers((Outgoing(self.src, (self.message.sender,), text),), reason)

    def replies(self, texts: Sequence[tuple[str, str | None]], allowed: frozenset[str], who: str) -> "Answers | Fails":
        """Several messages of somebody's making: to the sender (None), or to whom is allowed."""
        if len(texts) > MESSAGES:
            return Fails(f"{who}: more than {MESSAGES} messages")
        outgoing = []
        for text, to in texts:
            person = self.message.sender if to is None else normalise(to)
            if person != self.message.sender and person not in allowed:
                return Fails(f"{who}: a message to somebody who is not in allow_to")
            if text.strip():
                outgoing.append(Outgoing(self.src, (person,), text))
        return Answers(tuple(outgoing), f"{who}: {len(outgoing)} messages")


class Condition(Protocol):
    """What must hold before an action is asked."""

    def __call__(self, context: RuleContext, /) -> RuleContext | Passes:
        """The question, perhaps with more names; or why the rule passes."""
        ...


class Action(Protocol):
    """What a rule does; every action is async, so that a kind may wait."""

    always_answers: ClassVar[bool]  # never passes and never fails
    calls_out: ClassVar[bool]  # waits for somebody else, so it has a life, and is claimed before it is asked

    @property
    def has_cooldown(self) -> bool:
        """Whether a reply may have a cooldown of its own."""
        ...

    async def __call__(self, context: RuleContext, /) -> RuleResult:
        """May raise anything: that is a failure of the rule."""
        ...


@dataclass(frozen=True, slots=True)
class Cooldown:
    """The same answer to the same sender once in `seconds`; in between silence, or the next rule."""

    seconds: float
    then: Literal["silence", "pass"] = "silence"

    def check(self, context: RuleContext, key: str) -> Answers | Passes | None:
        """What is said instead while it lasts; None if the answer may be given."""
        used = context.cooldowns.get(key)
        if used is None or context.at - used >= self.seconds:
            return None
        reason = f"cooldown: this sender had this answer, and has it again in {_span(used + self.seconds - context.at)}"
        return Passes(reason) if self.then == "pass" else Answers((), reason)

    def use(self, answer: Answers, key: str) -> Answers:
        """The answer, with what it uses up; silence uses up nothing."""
        return replace(answer, uses=(*answer.uses, Use(key, self.seconds))) if answer.messages else answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CooldownOptions:
    """The cooldown of a rule or of a keyword."""

    cooldown: Annotated[
        Seconds | None, Interval(gt=0), Doc("How long a sender who had this answer does not get it again.")
    ] = None
    cooldown_then: Annotated[
        Literal["silence", "pass"], Doc("What happens in between: `silence`, or `pass` to the next rule.")
    ] = "silence"

    def build(self) -> Cooldown | None:
        """The cooldown, if one is set."""
        return Cooldown(self.cooldown, self.cooldown_then) if self.cooldown else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a route's list."""

    name: str
    conditions: tuple[Condition, ...]
    action: Action
    src: str | None = None
    life: float = LIFE
    cooldown: Cooldown | None = None
    has_effects: bool = False  # whether asking it costs something that must not be paid twice

    @property
    def always_answers(self) -> bool:
        """Whether no rule behind it is ever asked."""
        passes_on = self.cooldown is not None and self.cooldown.then == "pass"
        return not self.conditions and self.action.always_answers and not passes_on

    async def __call__(self, context: RuleContext) -> RuleResult:
        """Conditions in order, then the cooldown, then the action."""
        for condition in self.conditions:
            outcome = condition(context)
            if isinstance(outcome, Passes):
                return outcome
            context = outcome
        if self.cooldown and (instead := self.cooldown.check(context, self.name)):
            return instead
        result = await self.action(context)
        return self.cooldown.use(result, self.name) if self.cooldown and isinstance(result, Answers) else result


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
