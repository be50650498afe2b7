"""Decide which reply is sent, from the outcome of the rules. Pure; live traffic, `explain` and `test` all use it.

There are two steps, so that the store's transaction has little to do:

    candidate   after the rules: fit texts, count units, render XML, and list what must be looked up
    admit       inside the transaction: a few comparisons with the `Usage` that was looked up

Silence is a decision with a reason (G10).
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from app.frozen import frozen
from app.plivo import numbers
from app.plivo.markup import Callback
from app.plivo.messages import InboundMessage, Outgoing
from app.policies import limits, reactions
from app.policies.policies import Policies, RoutePolicy
from app.policies.reactions import Reaction
from app.policies.usage import Conversation, PastReply, Usage, UsageQuery
from app.replies.proposals import (
    FORWARDED_TO_NOBODY,
    OPTED_OUT,
    REPLAYED,
    Evaluation,
    Proposal,
    cost,
    forwarded_to,
    propose,
    xml_of,
)
from app.replies.reasons import ALL_OPTED_OUT, SAME_TIME


@frozen
class Candidate:
    """A message that is ready to be admitted, with one proposal for each state of the sender's opt-out."""

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
    """Return what would be sent, and what must be looked up to admit it.

    `signed_by` is "" for an unverified request.
    """
    when_in = propose(message, evaluation, callback, signed_by, out=False)
    when_out = propose(message, evaluation, callback, signed_by, out=True) if evaluation.signal else OPTED_OUT
    others = {number for sent in when_in.messages for number in sent.dst if number != message.sender}
    people = {message.person, *map(numbers.canonical, others)}
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
    """Return what must be looked up to admit a message whose recipients are `people`."""
    limited = evaluation.policy.limits
    conversation = Conversation(message.to, message.person)
    window = limited.window_of(message.person)
    texts = evaluation.reaction is not None
    return UsageQuery(conversation, evaluation.received_at, people, window, limited.budgets, cooldowns, texts)


def refused_early(message: InboundMessage, evaluation: Evaluation, usage: Usage) -> str | None:
    """Return the limit that forbids even the shortest reply, or None. Then no rule with effects needs to be asked."""
    if not (usage.replies or usage.spent):
        return None
    key = limits.text_key(message.phrase, message.media)
    conversation = Conversation(message.to, message.person)
    return limits.exceeded(evaluation.policy.limits, usage, conversation, evaluation.received_at, key, 1)


def quotes_our_reply(reaction: Reaction | None, conversation: Conversation, usage: Usage) -> bool:
    """Return whether the message is a reaction to one of our last replies to this person."""
    return reaction is not None and reactions.quotes(reaction, usage.texts_of(conversation))


def admit(candidate: Candidate, usage: Usage) -> Proposal:
    """Return what is really sent, and note in `usage` what it uses up.

    A message that changed an opt-out before is known to be a repeat, because an opt-out is kept longer than its
    message.
    """
    if candidate.message.message_uuid in usage.changed_by:
        return REPLAYED
    conversation = candidate.query.conversation
    out = candidate.policies.opt_out_in_force(usage, *conversation)
    proposal = candidate.when_out if out else candidate.when_in
    if proposal.messages and candidate.reaction and quotes_our_reply(candidate.reaction, conversation, usage):
        proposal = _silenced(proposal, reactions.QUOTES_OUR_REPLY)
    if proposal.messages and usage.opt_outs and not proposal.confirms:
        proposal = _without_opted_out(candidate, proposal, usage)
    if proposal.messages:
        proposal = _within_limits(candidate, proposal, usage)
    _note(candidate, proposal, usage)
    return proposal


def still_allowed(
    sent: Sequence[Outgoing], message_uuid: str, policies: Policies, usage: Usage
) -> tuple[Outgoing, ...] | None:
    """Return the messages of an earlier answer that may be sent again; None if this is all of them.

    Recipients who have opted out since are dropped (G9 takes precedence over G3). The confirmation of an opt-out that
    this very message made is kept.
    """
    if not usage.opt_outs:
        return None
    kept = []
    for one in sent:
        states = {number: policies.opt_out_in_force(usage, one.src, numbers.canonical(number)) for number in one.dst}
        dst = tuple(number for number, state in states.items() if state is None or state.message_uuid == message_uuid)
        kept += [replace(one, dst=dst)] if dst else []
    return None if kept == list(sent) else tuple(kept)


def _without_opted_out(candidate: Candidate, proposal: Proposal, usage: Usage) -> Proposal:
    """Return the proposal without recipients who have opted out."""
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
    """Return the reason of a proposal, with the number of recipients that were dropped."""
    reason = forwarded_to(kept, candidate.message.sender) if proposal.forwards else proposal.reason
    if not kept or reason == FORWARDED_TO_NOBODY:
        return f"{reason}{ALL_OPTED_OUT}"
    return f"{reason}; {lost} of the recipients {'has' if lost == 1 else 'have'} opted out"


def _within_limits(candidate: Candidate, proposal: Proposal, usage: Usage) -> Proposal:
    """Return the proposal, or silence if a cooldown or a limit forbids the reply by now."""
    query, route_limits = candidate.query, candidate.policy.limits
    if proposal.uses:
        used = usage.cooldowns_of(query.conversation)
        if any(query.at - used.get(use.key, float("-inf")) < use.seconds for use in proposal.uses):
            return _silenced(proposal, SAME_TIME)
    reason = limits.exceeded(route_limits, usage, query.conversation, query.at, candidate.text_key, proposal.units)
    if reason:
        return replace(_silenced(proposal, reason), limited=True)
    near = limits.near_limit(route_limits, usage, proposal.units)
    return replace(proposal, near_limit=near) if near else proposal


def _silenced(proposal: Proposal, reason: str) -> Proposal:
    """Return a proposal with the same steps that sends and uses up nothing. A change of the opt-out is kept."""
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
