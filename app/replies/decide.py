"""From what the rules said to what is sent. Pure; live traffic, `explain`, `test` and `backtest` all use this.

Two steps, so that almost nothing is left to do inside the store's transaction:

    candidate   after the rules: texts fitted, units counted, XML rendered, and what must be looked up
    admit       inside the transaction: a few comparisons with what is remembered (`Usage`)

Silence is a decision with a reason (G10).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from app.plivo import numbers, units
from app.plivo.markup import EMPTY, Callback, clean, render
from app.plivo.messages import InboundMessage, Outgoing
from app.policies import limits, opt_out, reactions
from app.policies.opt_out import OptOutSignal
from app.policies.policies import Policies, RoutePolicy
from app.policies.reactions import Reaction
from app.policies.usage import Conversation, OptOutChange, PastReply, Usage, UsageQuery
from app.rules.outcome import Outcome, Use

OPT_OUT = "opt_out"  # stands where a rule's name would
NO_STEPS = "[]"
FORWARDED_TO_NOBODY = "forwarded to nobody"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a message once its rules were asked, or need not be.

    `unanswerable` says why nobody can be answered, or needs to be; `forbidden` which limit was reached before the rules
    were asked; `outcome` is None if they were not asked.
    """

    received_at: float  # seconds since the epoch
    route: str | None
    policy: RoutePolicy
    signal: OptOutSignal | None
    reaction: Reaction | None = None  # what it looks like, where reactions are ignored
    unanswerable: str | None = None
    forbidden: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One possible end of a message: what is sent, why, and what that uses up."""

    rule: str | None
    reason: str
    steps: str = NO_STEPS  # JSON: each rule of the route with its verdict and reason
    messages: tuple[Outgoing, ...] = ()
    xml: bytes = EMPTY
    units: int = 0  # SMS units that Plivo will bill: of each message, times its recipients
    uses: tuple[Use, ...] = ()
    change: OptOutChange | None = None
    confirms: bool = False  # the one reply that may follow an opt-out
    failed: bool = False  # nothing answered, and a rule failed
    cut: bool = False  # a text was longer than max_units
    limited: bool = False  # a limit forbids it
    forwards: bool = False  # the reason tells how many other people get the message
    unreached: bool = False  # a message was meant for people who have all opted out
    near_limit: str | None = None  # the spending cap that this reply takes over 80 %


OPTED_OUT = Proposal(OPT_OUT, "this person has opted out")
REPLAYED = Proposal(OPT_OUT, "this message changed an opt-out before, and its answer is no longer kept")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that is ready to be admitted: one proposal for each state of the sender's opt-out."""

    message: InboundMessage
    route: str | None
    policy: RoutePolicy
    policies: Policies
    callback: Callback
    text_key: str
    query: UsageQuery
    when_in: Proposal
    when_out: Proposal
    reaction: Reaction | None = None


def candidate(
    message: InboundMessage, evaluation: Evaluation, policies: Policies, callback: Callback, signed_by: str
) -> Candidate:
    """What would be sent, and what must be looked up to admit it. `signed_by` is "" for an unverified request."""
    when_in = _proposal(message, evaluation, callback, signed_by, out=False)
    when_out = _proposal(message, evaluation, callback, signed_by, out=True) if evaluation.signal else OPTED_OUT
    people = {numbers.canonical(number) for sent in when_in.messages for number in sent.dst} | {message.person}
    query = usage_query(message, evaluation, people, cooldowns=bool(when_in.uses))
    key = limits.text_key(message.phrase, message.media)
    return Candidate(
        message,
        evaluation.route,
        evaluation.policy,
        policies,
        callback,
        key,
        query,
        when_in,
        when_out,
        evaluation.reaction,
    )


def usage_query(
    message: InboundMessage, evaluation: Evaluation, people: Collection[str], *, cooldowns: bool
) -> UsageQuery:
    """What must be looked up to admit a message that these people would get."""
    limited = evaluation.policy.limits
    conversation = Conversation(message.to, message.person)
    window = limited.window_of(message.person)
    texts = evaluation.reaction is not None
    return UsageQuery(conversation, evaluation.received_at, people, window, limited.budgets, cooldowns, texts)


def refused_early(message: InboundMessage, evaluation: Evaluation, usage: Usage) -> str | None:
    """Which limit forbids even the shortest reply, so that no rule that costs something needs to be asked."""
    if not (usage.replies or usage.spent):
        return None
    key = limits.text_key(message.phrase, message.media)
    conversation = Conversation(message.to, message.person)
    return limits.exceeded(evaluation.policy.limits, usage, conversation, evaluation.received_at, key, 1)


def quotes_us(reaction: Reaction | None, conversation: Conversation, usage: Usage) -> bool:
    """Whether the message is a reaction to one of our last answers to this person."""
    return reaction is not None and reactions.quotes(reaction, usage.texts_of(conversation))


def admit(candidate: Candidate, usage: Usage) -> Proposal:
    """What is really sent, given what is remembered. Notes in `usage` what that uses up.

    An opt-out outlives the message that made it, so a message that made one is known to be a repeat for ever.
    """
    if candidate.message.message_uuid in usage.changed_by:
        return REPLAYED
    conversation = candidate.query.conversation
    out = candidate.policies.opt_out_in_force(usage, *conversation)
    proposal = candidate.when_out if out else candidate.when_in
    if proposal.messages and quotes_us(candidate.reaction, conversation, usage):
        proposal = _silenced(proposal, reactions.QUOTES_US)
    if proposal.messages:
        proposal = _within_limits(candidate, _to_the_willing(candidate, proposal, usage), usage)
    _note(candidate, proposal, usage)
    return proposal


def still_allowed(
    sent: Sequence[Outgoing], message_uuid: str, policies: Policies, usage: Usage
) -> tuple[Outgoing, ...] | None:
    """The messages of a remembered answer that may be repeated; None: all of them, so that it stays as it was.

    Each recipient who has opted out since is dropped (G9 takes precedence over G3), but for the confirmation of
    the opt-out that this very message made.
    """
    if not usage.opt_outs:
        return None
    kept = []
    for one in sent:
        states = {number: policies.opt_out_in_force(usage, one.src, numbers.canonical(number)) for number in one.dst}
        dst = tuple(number for number, state in states.items() if state is None or state.message_uuid == message_uuid)
        kept += [replace(one, dst=dst)] if dst else []
    return None if kept == list(sent) else tuple(kept)


def _proposal(
    message: InboundMessage, evaluation: Evaluation, callback: Callback, signed_by: str, *, out: bool
) -> Proposal:
    """What is sent if the sender has opted out, or has not."""
    if evaluation.unanswerable:
        return Proposal(None, evaluation.unanswerable)
    policy, signal = evaluation.policy, evaluation.signal
    verdict = opt_out.judge(policy.opt_out, signal, out=out, verified=bool(signed_by))
    if verdict is None:
        return _from_rules(message, evaluation, callback)
    change = None
    if verdict.change:
        change = OptOutChange(
            Conversation(message.to, message.person),
            verdict.change == "out",
            evaluation.received_at,
            message.message_uuid,
            signal.word if signal else "",
            signed_by,
            "message",
        )
    said = verdict.text is not None and evaluation.route is not None
    messages = (Outgoing(message.to, (message.sender,), verdict.text or ""),) if said else ()
    fitted = _fitted(messages, policy.limits.max_units)
    return Proposal(
        OPT_OUT,
        verdict.reason + fitted.why,
        messages=fitted.messages,
        xml=xml_of(fitted.messages, message.message_uuid, callback),
        units=fitted.units,
        change=change,
        confirms=True,
        cut=fitted.cut,
    )


def _from_rules(message: InboundMessage, evaluation: Evaluation, callback: Callback) -> Proposal:
    outcome = evaluation.outcome
    if evaluation.forbidden:
        return Proposal(None, evaluation.forbidden, limited=True)
    if evaluation.route is None:
        return Proposal(None, "no route has this number, and there is no default route")
    if outcome is None:
        return Proposal(None, "this person had opted out when the message came")
    steps = f"[{', '.join([_step_json(step.rule, step.verdict, step.reason) for step in outcome.steps])}]"
    answer = outcome.answer
    if answer is None:
        reason = "nothing answered, and a rule failed" if outcome.failed else "every rule passed"
        return Proposal(None, reason, steps, failed=outcome.failed)
    fitted = _fitted(answer.messages, evaluation.policy.limits.max_units)
    return Proposal(
        outcome.rule,
        (_forwarded(fitted.messages, message.sender) if answer.forwards else answer.reason) + fitted.why,
        steps,
        fitted.messages,
        xml_of(fitted.messages, message.message_uuid, callback),
        fitted.units,
        answer.uses if fitted.messages else (),
        cut=fitted.cut,
        forwards=answer.forwards,
    )


def _forwarded(messages: Sequence[Outgoing], sender: str) -> str:
    """The reason of a forward: how many people other than the sender get a message."""
    others = {number for one in messages for number in one.dst} - {sender}
    return f"forwarded to {len(others)}" if others else FORWARDED_TO_NOBODY


@lru_cache(maxsize=4096)
def _step_json(rule: str, verdict: str, reason: str) -> str:
    """One step as the journal keeps it. Rules say the same things over and over."""
    return json.dumps({"rule": rule, "verdict": verdict, "reason": reason}, ensure_ascii=False)


class _Fitted(NamedTuple):
    """Messages that can be sent, and what was wrong with the others."""

    messages: tuple[Outgoing, ...]
    units: int
    cut: bool
    why: str


def _fitted(messages: Sequence[Outgoing], max_units: int) -> _Fitted:
    """Without recipients that cannot be texted, and with texts of at most `max_units`."""
    fitted, count, cut, why = [], 0, False, ""
    for one in messages:
        dst = tuple([number for number in one.dst if number != one.src and numbers.can_be_texted(number)])
        if len(dst) < len(one.dst):
            why = "; an alphanumeric sender, or the number itself, cannot be texted"
        whole = clean(one.text)  # a text of nothing that XML can hold would leave as an empty message
        text = units.fit(whole, max_units)
        cut = cut or text != whole
        if dst and text.strip():
            fitted.append(one if dst == one.dst and text == one.text else Outgoing(one.src, dst, text))
            count += units.count(text) * len(dst)
    return _Fitted(tuple(fitted), count, cut, why)


def xml_of(messages: Sequence[Outgoing], message_uuid: str, callback: Callback) -> bytes:
    """The Plivo XML of the reply to a message."""
    return render(messages, f"{callback.url}/{message_uuid}", callback.method)


def cost(messages: Sequence[Outgoing]) -> int:
    """SMS units that Plivo bills for these messages."""
    return sum(units.count(one.text) * len(one.dst) for one in messages)


def _to_the_willing(candidate: Candidate, proposal: Proposal, usage: Usage) -> Proposal:
    """Without recipients who have opted out. The confirmation of an opt-out may pass."""
    if proposal.confirms or not usage.opt_outs:
        return proposal
    kept, lost, unreached = [], 0, False
    for one in proposal.messages:
        dst = tuple(
            number
            for number in one.dst
            if not candidate.policies.opt_out_in_force(usage, one.src, numbers.canonical(number))
        )
        lost += len(one.dst) - len(dst)
        unreached = unreached or not dst
        kept += [replace(one, dst=dst)] if dst else []
    if not lost:
        return proposal
    messages = tuple(kept)
    return replace(
        proposal,
        reason=_reason_without(candidate, proposal, messages, lost),
        messages=messages,
        xml=xml_of(messages, candidate.message.message_uuid, candidate.callback),
        units=cost(messages),
        uses=proposal.uses if messages else (),
        unreached=unreached,
    )


def _reason_without(candidate: Candidate, proposal: Proposal, kept: Sequence[Outgoing], lost: int) -> str:
    """Why it is sent, and to how many people it is not."""
    reason = _forwarded(kept, candidate.message.sender) if proposal.forwards else proposal.reason
    if not kept or reason == FORWARDED_TO_NOBODY:
        return f"{reason}: all recipients have opted out"
    return f"{reason}; {lost} of the recipients {'has' if lost == 1 else 'have'} opted out"


def _within_limits(candidate: Candidate, proposal: Proposal, usage: Usage) -> Proposal:
    """Silence where a cooldown or a limit forbids the reply by now."""
    if not proposal.messages:
        return proposal
    query, route_limits = candidate.query, candidate.policy.limits
    used = usage.cooldowns_of(query.conversation)
    if any(query.at - used.get(use.key, float("-inf")) < use.seconds for use in proposal.uses):
        return _silenced(proposal, "cooldown: another message of this sender was answered meanwhile")
    reason = limits.exceeded(route_limits, usage, query.conversation, query.at, candidate.text_key, proposal.units)
    if reason:
        return replace(_silenced(proposal, reason), limited=True)
    near = limits.near_limit(route_limits, usage, proposal.units)
    return replace(proposal, near_limit=near) if near else proposal


def _silenced(proposal: Proposal, reason: str) -> Proposal:
    """The same steps, but nothing is sent and nothing is used up. An opt-out still counts."""
    return Proposal(None, reason, proposal.steps, change=proposal.change)


def _note(candidate: Candidate, proposal: Proposal, usage: Usage) -> None:
    query = candidate.query
    if proposal.messages:
        usage.note_reply(query.conversation, PastReply(query.at, candidate.text_key))
        usage.note_units(candidate.policy.limits.scopes, proposal.units)
        for use in proposal.uses:
            usage.note_cooldown(query.conversation, use.key, query.at)
    if proposal.change:
        usage.note_opt_out(proposal.change)
