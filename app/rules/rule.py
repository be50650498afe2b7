"""Rules: conditions that must all hold, then one action.

A rule *answers* (with messages, or with intentional silence), *passes* (a condition is not met, or its action has
nothing to say) or *fails*. Each result has a reason, which `explain` and `history` show and which contains no message
text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Protocol, Self

from app.notation import Doc, Example, Interval, Seconds
from app.plivo.messages import InboundMessage, Outgoing
from app.plivo.numbers import canonical, normalise, show
from app.rules.outcome import COOLDOWN, Answers, Fails, Passes, RuleResult, Use
from app.rules.services import RuleServices
from app.rules.templates import Template

LIFETIME = 5.0  # seconds that a rule without `timeout` may take
MESSAGES = 10  # at most in one answer
ALLOW_TO = "Additional numbers that its replies may text. Default: the sender only."
MAX_LIFETIME = 50.0  # seconds; Plivo calls again after 60


@dataclass(slots=True)
class RuleContext:
    """A message, and what the rules of a route need to know about it.

    Each rule has its own `src`, `rule` and `deadline`.
    """

    message: InboundMessage
    route: str
    at: float  # when the message arrived, in seconds since the epoch
    vars: Mapping[str, str]  # of the route
    cooldowns: Mapping[str, float]  # key -> when this sender last got that answer
    services: RuleServices
    src: str  # the number that replies
    rule: str = ""
    deadline: float = 0.0  # end of the rule's lifetime, by `time.monotonic()`
    _values: dict[str, str] | None = None

    @property
    def values(self) -> dict[str, str]:
        """The values that a template may use, created on first use.

        Built-in names take precedence over the route's vars.
        """
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
        """Return a copy of the context with more values."""
        return replace(self, _values={**self.values, **values})

    def write(self, template: Template, **more: str) -> str:
        """Return the text of a template, filled in from `values` and `more`."""
        if template.fixed is not None:
            return template.fixed
        return template.render(self.values | more, self.at)

    def reply(self, text: str, reason: str) -> "Answers":
        """Return an answer to the sender. An empty text gives silence, because Plivo refuses it."""
        if not text.strip():
            return Answers((), f"{reason}; the text is empty")
        return Answers((Outgoing(self.src, (self.message.sender,), text),), reason)

    def replies(self, texts: Sequence[tuple[str, str | None]], allowed: frozenset[str], who: str) -> "Answers | Fails":
        """Return an answer of several texts, each with its recipient: None for the sender, or a number in `allowed`.

        `allowed` holds canonical numbers; a recipient may be written in another form. It is a failure if there are too
        many texts, or if a recipient is not allowed.
        """
        if len(texts) > MESSAGES:
            return Fails(f"{who}: more than {MESSAGES} messages")
        outgoing = []
        for text, to in texts:
            number = self.message.sender if to is None else normalise(to)
            person = canonical(number)
            if person != self.message.person and person not in allowed:
                return Fails(f"{who}: a recipient is not in allow_to")
            if text.strip():
                number = self.message.sender if person == self.message.person else number
                outgoing.append(Outgoing(self.src, (number,), text))
        return Answers(tuple(outgoing), f"{who}: {len(outgoing)} messages")


class Condition(Protocol):
    """A condition of a rule, checked before its action is asked."""

    def __call__(self, context: RuleContext, /) -> RuleContext | Passes:
        """Return the context, perhaps with more values, or the reason why the rule passes."""
        ...


class Action(Protocol):
    """What a rule does if its conditions hold. Every action is async, so that any kind may wait."""

    always_answers: ClassVar[bool]  # never passes or fails
    calls_out: ClassVar[bool]  # waits for an outside service: its lifetime is limited, and the message is claimed first

    @property
    def has_cooldown(self) -> bool:
        """Whether an answer may have a cooldown of its own."""
        ...

    async def __call__(self, context: RuleContext, /) -> RuleResult:
        """Return the result. Any exception counts as a failure of the rule."""
        ...


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A cooldown: a sender gets the same answer once in `seconds`.

    In between there is silence, or the next rule is asked.
    """

    seconds: float
    then: Literal["silence", "pass"] = "silence"

    def check(self, context: RuleContext, key: str) -> Answers | Passes | None:
        """Return the result that replaces the answer during the cooldown, or None if the answer may be given."""
        used = context.cooldowns.get(key)
        if used is None or context.at - used >= self.seconds:
            return None
        left = _span(used + self.seconds - context.at)
        reason = f"{COOLDOWN}this sender already got this answer; available again in {left}"
        return Passes(reason) if self.then == "pass" else Answers((), reason)

    def use(self, answer: Answers, key: str) -> Answers:
        """Return the answer with the cooldown that it uses up. Silence uses up none."""
        return replace(answer, uses=(*answer.uses, Use(key, self.seconds))) if answer.messages else answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CooldownOptions:
    """The options of a cooldown, of a rule or of a keyword."""

    cooldown: Annotated[
        Seconds | None,
        Interval(gt=0),
        Example("12h"),
        Doc("How long a sender who got this answer does not get it again."),
    ] = None
    cooldown_then: Annotated[
        Literal["silence", "pass"], Doc("What happens in between: `silence`, or `pass` to the next rule.")
    ] = "silence"

    def build(self) -> Cooldown | None:
        """Return the cooldown, or None if none is set."""
        return Cooldown(self.cooldown, self.cooldown_then) if self.cooldown else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a route, ready to be asked."""

    name: str
    conditions: tuple[Condition, ...]
    action: Action
    src: str | None = None
    lifetime: float = LIFETIME
    cooldown: Cooldown | None = None
    has_effects: bool = False  # whether asking it has effects, which must not happen twice

    @property
    def always_answers(self) -> bool:
        """Whether it always answers, so that no later rule is ever asked."""
        passes_on = self.cooldown is not None and self.cooldown.then == "pass"
        return not self.conditions and self.action.always_answers and not passes_on

    async def __call__(self, context: RuleContext) -> RuleResult:
        """Check the conditions in order, then the cooldown, then ask the action."""
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
