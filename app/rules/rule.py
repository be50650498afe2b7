"""What a rule is: conditions that must all hold, then one action.

A rule *answers* (messages, or silence on purpose), *passes* (a condition is not met, or its action
has nothing to say) or *fails*. Each verdict has a reason that `explain` and `history` show; a reason
holds no message text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, Self

from app.plivo.messages import Inbound, Outgoing


@dataclass(frozen=True, slots=True)
class Ask:
    """A message put to a rule."""

    message: Inbound
    route: str
    src: str  # the number that answers
    values: Mapping[str, str]  # the names that a template may use

    def with_values(self, **values: str) -> Self:
        """The same question with more names."""
        return replace(self, values={**self.values, **values})

    def reply(self, text: str, reason: str) -> "Answers":
        """An answer to the sender; a text that came out empty is silence, for Plivo refuses it."""
        if not text.strip():
            return Answers((), f"{reason}; the text is empty")
        return Answers((Outgoing(self.src, (self.message.sender,), text),), reason)


@dataclass(frozen=True, slots=True)
class Answers:
    """The rule decides: these messages, none for silence."""

    messages: tuple[Outgoing, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Passes:
    """The next rule is asked."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fails:
    """The rule could not say; the next one is asked, and if none answers Plivo shall call again."""

    reason: str


Verdict = Answers | Passes | Fails


class Condition(Protocol):
    """What must hold before an action is asked."""

    def __call__(self, ask: Ask, /) -> Ask | Passes:
        """The question, perhaps with more names; or why the rule passes."""
        ...


class Action(Protocol):
    """What a rule does; every action is async, so that a kind may wait."""

    always_answers: ClassVar[bool]  # never passes and never fails

    async def __call__(self, ask: Ask, /) -> Verdict:
        """May raise anything: that is a failure of the rule."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a route's list."""

    name: str
    conditions: tuple[Condition, ...]
    action: Action
    src: str | None = None

    @property
    def always_answers(self) -> bool:
        """Whether no rule behind it is ever asked."""
        return not self.conditions and self.action.always_answers

    async def __call__(self, ask: Ask) -> Verdict:
        """Conditions in order, then the action."""
        if self.src:
            ask = replace(ask, src=self.src)
        for condition in self.conditions:
            outcome = condition(ask)
            if isinstance(outcome, Passes):
                return outcome
            ask = outcome
        return await self.action(ask)
