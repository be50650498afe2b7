"""What limits, cooldowns and opt-outs remember while messages are replayed.

In live traffic the store remembers it (`store.usage`). Here it is in memory, for as long as any rule of the new file
looks back; what happened before the replay, and answers that come out as they did then, are read from the store.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from app.operations.backtest.windows import cooldown_keys
from app.plivo.markup import parse
from app.plivo.messages import Outgoing
from app.plivo.numbers import canonical
from app.policies.policies import Policies
from app.policies.reactions import ANSWERS
from app.policies.usage import Budget, Conversation, OptOutChange, PastReply, Usage, UsageQuery
from app.replies.decide import Candidate
from app.replies.proposals import Proposal
from app.rules.table import Table
from app.store import Store
from app.store.replaying import PastMessage, answers_before, opt_outs_before
from app.store.usage import slot

SWEEP = 0.25  # of the window: what is older than the window is dropped each time so much has passed


@dataclass(slots=True)
class Spending:
    """The SMS units in the window of each spending cap, in the slots of the store."""

    budgets: Collection[Budget]
    _slots: dict[Budget, deque[tuple[int, int]]] = field(default_factory=lambda: defaultdict(deque))
    _sums: dict[Budget, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, scopes: Collection[str], at: float, units: int) -> None:
        """Add units that were sent at a time, which never goes back."""
        now = slot(at)
        for budget in self.budgets if units else ():
            if budget.scope in scopes:
                slots = self._slots[budget]
                before = slots.pop()[1] if slots and slots[-1][0] == now else 0
                slots.append((now, before + units))
                self._sums[budget] += units

    def of(self, budget: Budget, at: float) -> int:
        """Return the units in the window that ends now."""
        slots = self._slots[budget]
        while slots and slots[0][0] < slot(at - budget.seconds):
            self._sums[budget] -= slots.popleft()[1]
        return self._sums[budget]


class ReplayedUsage:
    """The usage as the replay makes it. Times never go back."""

    def __init__(self, store: Store, policies: Policies, table: Table, window: float, first_change: int) -> None:
        self.usage = Usage()
        self._engine = store.engine
        self._policies = policies
        self._table = table
        self._window = window  # seconds; the longest that anything looks back
        self._first_change = first_change  # opt-outs before this row were there when the replay began
        self._spending = Spending(tuple(policies.caps))
        self._answers: dict[str, dict[int, tuple[float, tuple[Outgoing, ...]]]] = {}  # those that came out differently
        self._looked_up: set[str] = set()  # recipients; the configuration names them, so there are few
        self._swept_at = float("-inf")

    async def load_opt_outs(self, people: Collection[str]) -> None:
        """Read the opt-outs of these people that were in force before the replay. Raises `Unavailable`."""
        for (number, person), state in await opt_outs_before(self._engine, people, self._first_change):
            if state.message_uuid:
                self.usage.changed_by.add(state.message_uuid)
            known = self.usage.opt_outs.setdefault(person, {})
            if number not in known or known[number].order < state.order:
                known[number] = state

    async def load_recipients(self, people: Iterable[str], sender: str) -> None:
        """Read the opt-outs of the recipients of a message besides its sender. Raises `Unavailable`."""
        if new := set(people) - self._looked_up - {sender}:
            self._looked_up |= new
            await self.load_opt_outs(new)

    def note_opt_out(self, change: OptOutChange) -> None:
        """Note a change that no replayed message makes."""
        self.usage.note_opt_out(change)

    async def look_up(self, query: UsageQuery, row: int) -> Usage:
        """Return the usage with all that a query asks for, as before a row of `messages`. Raises `Unavailable`."""
        usage, conversation = self.usage, query.conversation
        if query.at - self._swept_at > self._window * SWEEP:
            self._sweep(query.at)
        if (replies := usage.replies.get(conversation)) and replies[0].at <= query.at - query.window:
            usage.replies[conversation] = [reply for reply in replies if reply.at > query.at - query.window]
        usage.spent = {budget: self._spending.of(budget, query.at) for budget in query.budgets}
        usage.texts = {conversation: await self._texts(conversation, row)} if query.texts else {}
        return usage

    def note_admitted(self, past: PastMessage, ready: Candidate, proposal: Proposal, *, as_then: bool) -> None:
        """Note what `decide.admit` leaves to the store. `as_then`: the answer is what the store has."""
        conversation = ready.query.conversation
        if proposal.messages and past.received_at != ready.query.at:  # limits count by when the first call came
            self.usage.replies[conversation][-1] = PastReply(past.received_at, ready.text_key)
        self._spending.note(ready.policy.limits.scopes, ready.query.at, proposal.units)
        if not as_then:
            self._answers.setdefault(past.person, {})[past.id] = past.at, proposal.messages

    def note_as_it_was(self, past: PastMessage) -> None:
        """Note what a message that is not replayed used up when it was answered."""
        if not past.counted:
            return
        route = self._table.route(past.recipient)
        conversation = Conversation(past.recipient, past.person)
        self.usage.note_reply(conversation, PastReply(past.received_at, past.text_key or ""))
        scopes = self._policies.for_person(route.name if route else None, past.person).limits.scopes
        self._spending.note(scopes, past.at, past.reply_units)
        for key in cooldown_keys(route, past.rule, past.reason):
            self.usage.note_cooldown(conversation, key, past.at)

    async def _texts(self, conversation: Conversation, row: int) -> tuple[str, ...]:
        """Return what our number last sent to a person; see `store.usage`."""
        number, person = conversation
        others = {id_: messages for id_, (_, messages) in self._answers.get(person, {}).items() if id_ < row}
        stored = await answers_before(self._engine, person, row, ANSWERS + len(others))
        answers = {id_: parse(xml) for id_, xml in stored} | others
        newest = [id_ for id_ in sorted(answers, reverse=True) if answers[id_]][:ANSWERS]
        sent = (one for id_ in newest for one in answers[id_])
        return tuple(one.text for one in sent if one.src == number and person in map(canonical, one.dst))

    def _sweep(self, at: float) -> None:
        """Drop what nothing looks back to, so that memory does not grow with the number of messages."""
        self._swept_at, since = at, at - self._window
        usage = self.usage
        replies = ((one, [reply for reply in theirs if reply.at > since]) for one, theirs in usage.replies.items())
        usage.replies = {conversation: kept for conversation, kept in replies if kept}
        cooldowns = (
            (one, {key: moment for key, moment in theirs.items() if moment > since})
            for one, theirs in usage.cooldowns.items()
        )
        usage.cooldowns = {conversation: used for conversation, used in cooldowns if used}
        answers = (
            (one, {row: answer for row, answer in theirs.items() if answer[0] > since})
            for one, theirs in self._answers.items()
        )
        self._answers = {person: recent for person, recent in answers if recent}
