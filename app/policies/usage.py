"""What conversations and budgets have used up: the values that policies read and write.

`Usage` is read once for each group of messages that share a commit (G8, G9). While the messages of the
group are admitted one after the other, `note_*` keeps it current, so that two messages of one person
in the same group see each other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.frozen import frozen


class Conversation(NamedTuple):
    """One of our numbers and a person (their canonical number): the scope of a limit and of a cooldown."""

    number: str
    person: str


class Budget(NamedTuple):
    """A spending cap: SMS units of a scope in the last `seconds`. The scope is a route's name, "" for all routes."""

    scope: str
    seconds: float


class PastReply(NamedTuple):
    """A reply that limits count: when it was given, and the digest of the text that it answered."""

    at: float
    text_key: str


class OptOutState(NamedTuple):
    """The newest opt-out change of one person at one of our numbers; `order` grows with each change in the store."""

    opted_out: bool
    message_uuid: str | None  # the message that made the change; None: a command or a report
    order: int


@frozen
class OptOutChange:
    """A person opts out, or in again. The stored row is the evidence, so it tells how we know."""

    conversation: Conversation
    opted_out: bool
    at: float
    message_uuid: str | None
    word: str
    signed_by: str
    source: str  # "message", "command" or "report"


@frozen
class UsageQuery:
    """What admitting one message needs to know. `window` is in seconds before the message; 0: no past replies."""

    conversation: Conversation
    at: float
    people: Collection[str]  # canonical numbers whose opt-outs matter: the sender, and everybody who gets a message
    window: float
    budgets: tuple[Budget, ...]
    cooldowns: bool  # whether some answer of the route may have a cooldown
    texts: bool = False  # whether the texts of our last answers to the sender are needed


@dataclass(slots=True)
class Usage:
    """What is remembered, current while a group is admitted."""

    opt_outs: dict[str, dict[str, OptOutState]] = field(default_factory=dict)  # person -> our number -> newest
    replies: dict[Conversation, list[PastReply]] = field(default_factory=dict)
    spent: dict[Budget, int] = field(default_factory=dict)  # SMS units
    cooldowns: dict[Conversation, dict[str, float]] = field(default_factory=dict)  # key -> when it was used last
    changed_by: set[str] = field(default_factory=set)  # MessageUUIDs that have changed an opt-out of these people
    texts: dict[Conversation, tuple[str, ...]] = field(default_factory=dict)  # of our last answers, where asked for
    changes: int = 0  # opt-out changes noted so far, which are newer than every stored one

    def cooldowns_of(self, conversation: Conversation) -> Mapping[str, float]:
        """When this person last had each answer that has a cooldown."""
        return self.cooldowns.get(conversation, {})

    def texts_of(self, conversation: Conversation) -> tuple[str, ...]:
        """The texts of our last answers to this person."""
        return self.texts.get(conversation, ())

    def note_reply(self, conversation: Conversation, reply: PastReply) -> None:
        """A reply was admitted."""
        self.replies.setdefault(conversation, []).append(reply)

    def note_units(self, scopes: Collection[str], units: int) -> None:
        """So many SMS units will be billed, in these scopes."""
        for budget in self.spent:
            if budget.scope in scopes:
                self.spent[budget] += units

    def note_cooldown(self, conversation: Conversation, key: str, at: float) -> None:
        """An answer with a cooldown was admitted."""
        self.cooldowns.setdefault(conversation, {})[key] = at

    def note_opt_out(self, change: OptOutChange) -> None:
        """A person opted out, or in again."""
        self.changes += 1
        if change.message_uuid:
            self.changed_by.add(change.message_uuid)
        number, person = change.conversation
        state = OptOutState(change.opted_out, change.message_uuid, _NEWEST + self.changes)
        self.opt_outs.setdefault(person, {})[number] = state


_NEWEST = 1 << 62  # above every id of the store
