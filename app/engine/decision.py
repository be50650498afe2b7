"""What goes into a decision, and what comes out of it. Values; what a decision costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.plivo import numbers, units
from app.plivo.markup import EMPTY, clean
from app.plivo.messages import Outgoing
from app.policies.ledger import OptOutChange, Pair, Step
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions, OptOutSignal
from app.rules.chain import Asked, Outcome
from app.rules.rule import Answers, Fails, Passes, Redirects, Use
from app.rules.table import Route


@dataclass(frozen=True, slots=True)
class Guards:
    """What is asked around the rules of a route."""

    opt_out: OptOutOptions = field(default_factory=OptOutOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What every answer is made with."""

    callback_url: str  # public_url + "/report"; the inbound MessageUUID follows
    callback_method: str
    guards: Guards = field(default_factory=Guards)
    by_route: Mapping[str, Guards] = field(default_factory=dict)  # routes with guards of their own


@dataclass(frozen=True, slots=True)
class Draft:
    """Who would answer. No outcome: the rules were not asked."""

    at: float
    route: Route | None
    sign: OptOutSignal | None
    outcome: Outcome | None = None
    forbidden: str | None = None  # why they were not


@dataclass(frozen=True, slots=True)
class Decision:
    """What is said to one message, why, and what that uses up."""

    route: str | None
    rule: str | None
    reason: str
    steps: tuple[Step, ...] = ()
    messages: tuple[Outgoing, ...] = ()
    xml: bytes = EMPTY
    failed: bool = False  # nothing answered, and a rule failed
    uses: tuple[Use, ...] = ()
    text_key: str | None = None
    scopes: frozenset[str] = frozenset()
    opt_out: OptOutChange | None = None
    limited: bool = False  # silenced by a limit
    burning: str | None = None  # the fuse that this answer takes over its warning
    cut: bool = False  # a text was longer than max_units

    @property
    def units(self) -> int:
        """SMS units that Plivo will bill: of each message, times its recipients."""
        return cost(self.messages)


@dataclass(frozen=True, slots=True)
class Owner:
    """Where the message came from that a report speaks of, and who wants to hear of it."""

    route: str | None
    rule: str | None
    targets: tuple[str, ...] | None  # None: no route, so it is for all


def cost(messages: Sequence[Outgoing]) -> int:
    """SMS units that Plivo bills for these."""
    return sum(units.count(message.text) * len(message.dst) for message in messages)


def sendable(
    messages: Sequence[Outgoing], opted_out: frozenset[Pair], max_units: int
) -> tuple[tuple[Outgoing, ...], bool, str]:
    """What can be sent, whether a text was cut, and who cannot be reached."""
    sendable, why, cut = [], "", False
    for message in messages:
        others = tuple(number for number in message.dst if number != message.src and numbers.can_be_texted(number))
        willing = tuple(number for number in others if Pair(message.src, number) not in opted_out)
        if len(others) < len(message.dst):
            why = "; an alphanumeric sender, or the number itself, cannot be texted"
        elif len(willing) < len(others):
            why = "; somebody has opted out"
        whole = clean(message.text)  # a text of nothing that XML can hold would leave as an empty message
        text = units.fit(whole, max_units)
        cut = cut or text != whole
        if willing and text.strip():
            sendable.append(Outgoing(message.src, willing, text))
    return tuple(sendable), cut, why


def steps_of(asked: Sequence[Asked]) -> tuple[Step, ...]:
    """The steps of a walk, for the journal."""
    return tuple(_step(one) for one in asked)


def _step(asked: Asked) -> Step:
    match asked.verdict:
        case None:
            return Step(asked.rule, "not asked", "an earlier rule had answered")
        case Answers(reason=reason):
            return Step(asked.rule, "answers", reason)
        case Passes(reason) | Redirects(_, reason):
            return Step(asked.rule, "passes", reason)
        case Fails(reason):
            return Step(asked.rule, "fails", reason)
