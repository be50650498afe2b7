"""What-if: a conversation with the rules in force, as anybody, at any time of day. Nothing is stored or called.

Each message is answered by the functions of live traffic, after the messages before it: they use up cooldowns, limits
and spending caps, and STOP stays in force until START. What the store knows about the person can count as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from app.operations.backtest.usage import Spending
from app.operations.errors import OperationRefused
from app.operations.explain import Explanation, check_given, explain
from app.operations.phone.values import Incoming, Turn
from app.plivo.messages import InboundMessage, Outgoing
from app.plivo.numbers import canonical
from app.policies.policies import Policies
from app.policies.reactions import ANSWERS
from app.policies.usage import Budget, Conversation, Usage, UsageQuery
from app.rules.services import RuleServices
from app.runtime import Runtime
from app.store import Store
from app.store.records import StepRecord
from app.store.usage import look_up

TURNS = 50  # messages of one conversation
CHARACTERS = 1_600  # of one message; Plivo takes and sends no more
ALL_CHARACTERS = 40_000  # of one conversation, which travels with each form of the console
EARLIEST, LATEST = 946_684_800.0, 4_102_444_800.0  # 2000 and 2100; holidays are known for about as long


async def rehearse(runtime: Runtime, conversation: Sequence[Incoming], store: Store | None = None) -> tuple[Turn, ...]:
    """Answer the messages of a conversation, in order. `store`: with what it knows about the people.

    Raises `OperationRefused` for a conversation that cannot be, and `Unavailable`.
    """
    check(conversation)
    check_given(runtime, {name for one in conversation for name in one.given})
    memory = _Memory(runtime.policies, store)
    turns = []
    for number, one in enumerate(conversation, start=1):
        message = InboundMessage.of(f"what-if-{number}", one.sender, one.to, one.text)
        found = await explain(runtime, message, one.at, RuleServices(given=one.given), memory.remember)
        memory.note(message, one.at, found)
        turns.append(_turn(one, found))
    return tuple(turns)


def check(conversation: Sequence[Incoming]) -> None:
    """Raise `OperationRefused` if a conversation is too long, or not in order of time."""
    if len(conversation) > TURNS:
        raise OperationRefused(f"a conversation ends after {TURNS} messages; begin a new one")
    if any(len(one.text) > CHARACTERS for one in conversation):
        longest = max(len(one.text) for one in conversation)
        raise OperationRefused(f"the text has {longest:,} characters; Plivo takes at most {CHARACTERS:,}")
    if sum(len(one.text) for one in conversation) > ALL_CHARACTERS:
        raise OperationRefused(f"a conversation ends after {ALL_CHARACTERS:,} characters; begin a new one")
    if not all(EARLIEST <= one.at < LATEST for one in conversation):
        raise OperationRefused("choose a time between the years 2000 and 2100")
    if any(later.at < earlier.at for earlier, later in pairwise(conversation)):
        raise OperationRefused("the time is before that of the last message; choose a later one, or begin again")


def _turn(incoming: Incoming, found: Explanation) -> Turn:
    proposal = found.proposal
    return Turn(
        incoming,
        found.route,
        proposal.rule,
        proposal.reason,
        tuple(StepRecord(step.rule, step.verdict, step.reason) for step in found.steps),
        proposal.messages,
        proposal.units,
        proposal.xml.decode(),
    )


class _Memory:
    """What limits, cooldowns and opt-outs remember of a conversation, and of the time before it if there is a store."""

    def __init__(self, policies: Policies, store: Store | None) -> None:
        self._usage = Usage()
        self._policies = policies
        self._store = store
        self._spending = Spending(tuple(policies.caps))
        self._spent_before: dict[Budget, int] = {}
        self._texts: dict[Conversation, list[str]] = defaultdict(list)  # of our replies, the newest first
        self._known: set[Conversation] = set()
        self._people: set[str] = set()

    async def remember(self, query: UsageQuery) -> Usage:
        """Return the usage with all that a query asks for. Raises `Unavailable`."""
        usage, conversation = self._usage, query.conversation
        if self._store is not None:
            await self._load(self._store, query)
        usage.spent = {
            budget: self._spent_before.get(budget, 0) + self._spending.of(budget, query.at) for budget in query.budgets
        }
        usage.texts[conversation] = tuple(self._texts[conversation][:ANSWERS])
        return usage

    def note(self, message: InboundMessage, at: float, found: Explanation) -> None:
        """Note what `decide.admit` leaves to the store."""
        policy = self._policies.for_person(found.route, message.person)
        self._spending.note(policy.limits.scopes, at, found.proposal.units)
        for conversation, text in _sent_to(message.person, found.proposal.messages):
            self._texts[conversation].insert(0, text)

    async def _load(self, store: Store, query: UsageQuery) -> None:
        """Read what the store knows, once for each conversation and each person who would be texted."""
        conversation, new = query.conversation, set(query.people) - self._people
        if conversation in self._known and not new:
            return
        found = await look_up(store.engine, _everything(query))
        for person in new:
            self._usage.opt_outs[person] = found.opt_outs.get(person, {})
        if conversation not in self._known:
            self._usage.replies[conversation] = found.replies.get(conversation, [])
            self._usage.cooldowns[conversation] = found.cooldowns.get(conversation, {})
            self._texts[conversation] += found.texts_of(conversation)
            self._spent_before = found.spent | self._spent_before
        self._known.add(conversation)
        self._people |= new


def _everything(query: UsageQuery) -> UsageQuery:
    """Return a query for all that can be known about its conversation."""
    return UsageQuery(
        query.conversation, query.at, query.people, query.window, query.budgets, cooldowns=True, texts=True
    )


def _sent_to(person: str, messages: Iterable[Outgoing]) -> Iterable[tuple[Conversation, str]]:
    return ((Conversation(one.src, person), one.text) for one in messages if person in map(canonical, one.dst))
