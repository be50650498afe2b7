"""The walk of a message: guards, route, rules, answer, reasons. Live traffic, `explain` and tests use this one.

Two halves, so that what is remembered can be asked at the last moment:

    draft   who would answer, and what: walks the rules, which may wait for somebody
    judge   what is really said, given what is remembered: opt-outs, cooldowns, limits. Pure

Silence is a decision with a reason (G10). The values are in `decision.py`; `answering.py` makes decisions durable.
"""

from dataclasses import dataclass, replace

from app.engine.decision import Decision, Draft, EngineOptions, Guards, Owner, cost, sendable, steps_of
from app.plivo.markup import EMPTY, render
from app.plivo.messages import DeliveryReport, InboundMessage, Outgoing
from app.policies import limits, opt_out
from app.policies.ledger import Memory, OptOutChange, Origin, Pair, Recall
from app.rules.chain import Outcome, keyword_answers, walk
from app.rules.services import RuleServices
from app.rules.table import Route, Table

__all__ = ["OPT_OUT", "Decision", "Draft", "Engine", "EngineOptions", "Guards", "Owner"]

OPT_OUT = "opt_out"  # stands where a rule's name would
NOTHING = Memory()


@dataclass(frozen=True, slots=True)
class Engine:
    """Decides with a routing table. Remembers nothing."""

    table: Table
    options: EngineOptions

    def guards(self, route: Route | None) -> Guards:
        """The guards of a route."""
        return self.options.by_route.get(route.name, self.options.guards) if route else self.options.guards

    async def decide(
        self, message: InboundMessage, at: float, services: RuleServices, memory: Memory = NOTHING
    ) -> Decision:
        """What would be said. Nothing changes."""
        draft = await self.draft(message, await self.begin(message, at), services, memory)
        return self.judge(message, draft, memory, signed_by="V3")

    async def begin(self, message: InboundMessage, at: float) -> Draft:
        """The route, and what the message says of opting out. No rule that costs anything is asked."""
        route = self.table.route(message.to)
        sign = opt_out.read(self.guards(route).opt_out, message.intent, message.text)
        if sign and sign.kind == "help" and not sign.by_plivo and route and await keyword_answers(route, message, at):
            sign = None
        return Draft(at, route, sign)

    def costs(self, message: InboundMessage, draft: Draft) -> bool:
        """Whether asking its rules has effects, so that the message must be claimed first."""
        if _unanswerable(self.table, message) or (draft.sign and draft.sign.kind != "start"):
            return False
        return draft.route is not None and draft.route.has_effects

    async def draft(self, message: InboundMessage, begun: Draft, services: RuleServices, memory: Memory) -> Draft:
        """With the rules asked, unless what is remembered forbids an answer already."""
        if begun.route is None or self._opt_out(message, begun, memory, verified=True):
            return begun
        if forbidden := self._forbidden(message, begun, memory):
            return replace(begun, forbidden=forbidden)
        return replace(begun, outcome=await walk(begun.route, message, begun.at, memory.cooldowns, services))

    def recall(self, message: InboundMessage, draft: Draft) -> Recall:
        """What must be remembered to judge it."""
        pair = Pair(message.to, message.sender)
        outgoing = draft.outcome.messages if draft.outcome else ()
        people = frozenset(Pair(one.src, number) for one in outgoing for number in one.dst)
        name = draft.route.name if draft.route else None
        recall = limits.recall(self.guards(draft.route).limits, draft.at, pair, people, name)
        return replace(recall, cooldowns=draft.route is not None and draft.route.has_effects)

    def judge(self, message: InboundMessage, draft: Draft, memory: Memory, *, signed_by: str) -> Decision:
        """What is really said. Pure: it is called in the transaction that records it."""
        name = draft.route.name if draft.route else None
        if reason := _unanswerable(self.table, message):
            return Decision(name, None, reason)
        if verdict := self._opt_out(message, draft, memory, verified=bool(signed_by)):
            return self._opted(message, draft, memory, verdict, signed_by)
        if draft.route is None:
            return Decision(None, None, "no route has this number, and there is no default route")
        if draft.outcome is None:
            reason = draft.forbidden or "this person had opted out when the message came"
            return Decision(name, None, reason, limited=draft.forbidden is not None)
        outcome = draft.outcome
        reason = outcome.answer.reason if outcome.answer else _no_answer(outcome)
        drafted = Decision(name, outcome.rule, reason, steps_of(outcome.asked), outcome.messages, failed=outcome.failed)
        return self._bounded(message, draft, memory, replace(drafted, uses=outcome.uses))

    def owner(self, origin: Origin | None, report: DeliveryReport) -> Owner:
        """Find a report's route: journal entry, our number, default route. Without a route it is for all targets: the
        message was sent by other means, perhaps from an address that cannot be a route's.
        """
        origin = origin or Origin(None, None)
        route = self.table.by_name.get(origin.route or "") or self.table.route(report.sender)
        name = origin.route or (route.name if route else None)
        return Owner(name, origin.rule, route.targets if route else None)

    def _opt_out(
        self, message: InboundMessage, draft: Draft, memory: Memory, *, verified: bool
    ) -> opt_out.Verdict | None:
        out = Pair(message.to, message.sender) in memory.opted_out
        return opt_out.judge(self.guards(draft.route).opt_out, draft.sign, out=out, verified=verified)

    def _forbidden(self, message: InboundMessage, draft: Draft, memory: Memory) -> str | None:
        """Why no answer may leave, whatever the rules say: so that none that costs something is asked."""
        if reason := _unanswerable(self.table, message):
            return reason
        guards, name = self.guards(draft.route).limits, draft.route.name if draft.route else None
        return limits.exceeded(guards, memory, self.recall(message, draft), limits.text_key(message), name, 1)

    def _opted(
        self, message: InboundMessage, draft: Draft, memory: Memory, verdict: opt_out.Verdict, signed_by: str
    ) -> Decision:
        pair = Pair(message.to, message.sender)
        word = draft.sign.word if draft.sign else ""
        change = None
        if verdict.change:
            out = verdict.change == "out"
            change = OptOutChange(pair, out, draft.at, message.message_uuid, word, signed_by, "message")
        said = verdict.text is not None and draft.route is not None and verdict.text.strip()
        messages = (Outgoing(message.to, (message.sender,), verdict.text or ""),) if said else ()
        name = draft.route.name if draft.route else None
        drafted = Decision(name, OPT_OUT, verdict.reason, messages=messages, opt_out=change)
        after = replace(memory, opted_out=memory.opted_out - {pair})  # the one confirmation may pass
        return self._bounded(message, draft, after, drafted)

    def _bounded(self, message: InboundMessage, draft: Draft, memory: Memory, drafted: Decision) -> Decision:
        """The decision within what can be reached, what has cooled down, and the limits."""
        guards, name = self.guards(draft.route).limits, drafted.route
        opted_out = frozenset() if self.guards(draft.route).opt_out.mode == "off" else memory.opted_out
        messages, cut, unreachable = sendable(drafted.messages, opted_out, guards.max_units)
        reason = drafted.reason + unreachable
        if not messages:
            return replace(drafted, messages=(), xml=EMPTY, reason=reason, uses=())
        if any(draft.at - memory.cooldowns.get(use.key, float("-inf")) < use.seconds for use in drafted.uses):
            cooled = "cooldown: another message of this sender was answered meanwhile"
            return replace(drafted, messages=(), rule=None, reason=cooled, uses=())
        key, spent = limits.text_key(message), cost(messages)
        recall = self.recall(message, draft)
        if limit := limits.exceeded(guards, memory, recall, key, name, spent):
            return replace(drafted, messages=(), rule=None, reason=limit, uses=(), limited=True)
        return replace(
            drafted,
            messages=messages,
            reason=reason,
            xml=render(messages, f"{self.options.callback_url}/{message.message_uuid}", self.options.callback_method),
            text_key=key,
            scopes=frozenset(fuse.scope for fuse in recall.fuses),
            burning=limits.burning(guards, memory, name, spent),
            cut=cut,
        )


def _unanswerable(table: Table, message: InboundMessage) -> str | None:
    if message.type == "whatsapp":
        return "WhatsApp cannot be answered by Plivo XML"
    if message.sender == message.to or message.sender in table.by_number:
        return "the sender is one of our own numbers: a loop"
    return None


def _no_answer(outcome: Outcome) -> str:
    return "nothing answered, and a rule failed" if outcome.failed else "every rule passed"
