"""The result of a backtest: counts, and each pair of an old and a new rule with examples."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.operations.backtest.past_results import UNKNOWN
from app.plivo.markup import parse
from app.plivo.messages import Outgoing
from app.replies.proposals import Proposal
from app.store.replaying import PastMessage

DifferenceKind = Literal["changed", "new", "gone"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a message, then or now. Without `messages` it is silence."""

    route: str | None
    rule: str | None
    reason: str
    units: int
    messages: tuple[Outgoing, ...]

    @property
    def answered_by(self) -> str | None:
        """The rule that sent something; None for silence."""
        return self.rule if self.messages else None


@dataclass(frozen=True, slots=True)
class Difference:
    """A message whose answer would be another one. `given` is what rules that call out were taken to say."""

    kind: DifferenceKind
    message_uuid: str
    at: float
    sender: str
    to: str
    text: str
    type: str
    before: Answer
    after: Answer
    given: Mapping[str, str]


@dataclass(slots=True)
class Group:
    """The differences between one rule and another; None stands for silence. `examples` are the oldest."""

    kind: DifferenceKind
    old_rule: str | None
    new_rule: str | None
    count: int = 0
    units: int = 0  # more than before
    examples: list[Difference] = field(default_factory=list)


@dataclass(slots=True)
class BacktestResult:
    """What another configuration would have answered.

    `skipped` messages have no text or answer in the store any more, `pending` ones were never answered. `assumed`
    counts by rule how often a rule that calls out was asked a message that it had not been asked then: it passed.
    """

    since: float | None  # what was asked for, else of the first message; None: there is none
    window: float  # seconds before `since` that were replayed without counting
    same: int = 0
    skipped: int = 0
    pending: int = 0
    units_before: int = 0
    units_after: int = 0
    kinds: Counter[DifferenceKind] = field(default_factory=Counter)
    groups: dict[tuple[DifferenceKind, str | None, str | None], Group] = field(default_factory=dict)
    assumed: Counter[str] = field(default_factory=Counter)

    @property
    def messages(self) -> int:
        """How many messages were compared."""
        return self.same + sum(self.kinds.values())

    def add(self, difference: Difference, most: int) -> None:
        """Count a difference, and keep it unless `most` of its group are kept."""
        before, after = difference.before, difference.after
        key = difference.kind, before.answered_by, after.answered_by
        group = self.groups.setdefault(key, Group(*key))
        group.count += 1
        group.units += after.units - before.units
        if len(group.examples) < most:
            group.examples.append(difference)
        self.kinds[difference.kind] += 1


def is_same(past: PastMessage, proposal: Proposal) -> bool:
    """Return whether a proposal sends the same texts to the same people from the same numbers as then."""
    return past.xml == proposal.xml or parse(past.xml) == parse(proposal.xml)


def kind_of(past: Answer, now: Answer) -> DifferenceKind:
    """Return in which way two different answers differ."""
    if not past.messages:
        return "new"
    return "changed" if now.messages else "gone"


def answer_then(past: PastMessage) -> Answer:
    """Return the answer of a row."""
    return Answer(past.route, past.rule, past.reason, past.reply_units, parse(past.xml))


def answer_now(route: str | None, proposal: Proposal) -> Answer:
    """Return the answer of a proposal."""
    messages = tuple(
        Outgoing(one.src, one.dst, UNKNOWN) if one.text.startswith(UNKNOWN) else one for one in proposal.messages
    )
    return Answer(route, proposal.rule, proposal.reason, proposal.units, messages)
