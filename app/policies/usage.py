"""What people and spending caps have used up: the values that policies read and update.

`Usage` is read once for each group of messages that share a commit (G8, G9). While the messages of the group are
admitted one after the other, the `note_*` methods keep it current, so that each message sees those admitted before it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from app.frozen import frozen


class Conversation(NamedTuple):
    """One of our numbers and a person (by canonical number): what limits and cooldowns apply to."""

    number: str
    person: str


class Budget(NamedTuple):
    """The SMS units that a spending cap counts: those of a scope in the last `seconds`.

    The scope is the name of a route, or "" for all routes.
    """

    scope: str
    seconds: float


class PastReply(NamedTuple):
    """A reply that limits count: when it was given, and the `text_key` of the text that it answered."""

    at: float
    text_key: str


class OptOutState(NamedTuple):
    """The newest opt-out change of one person at one of our numbers. A newer change has a higher `order`."""

    opted_out: bool
    message_uuid: str | None  # the message that made the change; None: it was a command or a report
    order: int


@frozen
class OptOutChange:
    """An opt-out, or the end of one. The stored row is the evidence, so it records where the change came from."""

    conversation: Conversation
    opted_out: bool
    at: float
    message_uuid: str | None
    word: str
    signed_by: str
    source: str  # "message", "command" or "report"


@frozen
class UsageQuery:
    """What must be known to admit one message. `window` is in seconds before the message; 0 reads no past replies."""

    conversation: Conversation
    at: float
    people: Collection[str]  # canonical numbers whose opt-outs matter: the sender and all recipients
    window: float
    budgets: tuple[Budget, ...]
    cooldowns: bool  # whether any answer of the route may have a cooldown
    texts: bool = False  # whether the texts of our last replies to the sender are needed


@dataclass(slots=True)
class Usage:
    """The usage read from the store, kept current while a group is admitted."""

    opt_outs: dict[str, dict[str, OptOutState]] = field(default_factory=dict)  # person -> our number -> newest
    replies: dict[Conversation, list[PastReply]] = field(default_factory=dict)
    spent: dict[Budget, int] = field(default_factory=dict)  # SMS units
    cooldowns: dict[Conversation, dict[str, float]] = field(default_factory=dict)  # key -> when it was last used
    changed_by: set[str] = field(default_factory=set)  # MessageUUIDs that changed an opt-out of these people
    texts: dict[Conversation, tuple[str, ...]] = field(default_factory=dict)  # of our last replies, if asked for
    changes: int = 0  # opt-out changes noted so far; all are newer than the stored ones

    def cooldowns_of(self, conversation: Conversation) -> Mapping[str, float]:
        """Return when this person last got each answer that has a cooldown, by its key."""
        return self.cooldowns.get(conversation, {})

    def texts_of(self, conversation: Conversation) -> tuple[str, ...]:
        """Return the texts of our last replies to this person."""
        return self.texts.get(conversation, ())

    def note_reply(self, conversation: Conversation, reply: PastReply) -> None:
        """Note that a reply was admitted."""
        self.replies.setdefault(conversation, []).append(reply)

    def note_units(self, scopes: Collection[str], units: int) -> None:
        """Add SMS units to every budget of these scopes."""
        for budget in self.spent:
            if budget.scope in scopes:
                self.spent[budget] += units

    def note_cooldown(self, conversation: Conversation, key: str, at: float) -> None:
        """Note that an answer with a cooldown was admitted."""
        self.cooldowns.setdefault(conversation, {})[key] = at

    def note_opt_out(self, change: OptOutChange) -> None:
        """Note that a person opted out, or in again."""
        self.changes += 1
        if change.message_uuid:
            self.changed_by.add(change.message_uuid)
        number, person = change.conversation
        state = OptOutState(change.opted_out, change.message_uuid, _NEWEST + self.changes)
        self.opt_outs.setdefault(person, {})[number] = state


_NEWEST = 1 << 62  # above every id in the store
