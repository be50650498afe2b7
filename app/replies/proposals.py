"""Proposals: what would be sent for a message. Texts are fitted, units counted and XML rendered, once each. Pure."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from app.frozen import frozen
from app.plivo import numbers, units
from app.plivo.markup import EMPTY, Callback, clean, render
from app.plivo.messages import InboundMessage, Outgoing
from app.policies import opt_out
from app.policies.opt_out import OptOutDecision, OptOutSignal
from app.policies.policies import RoutePolicy
from app.policies.reactions import Reaction
from app.policies.usage import Conversation, OptOutChange
from app.replies import reasons
from app.replies.reasons import OPT_OUT
from app.rules.outcome import Outcome, Use

NO_STEPS = "[]"
FORWARDED_TO_NOBODY = "forwarded to nobody"


@frozen
class Evaluation:
    """What is known about a message after its rules were asked, or were found unnecessary.

    `unanswerable` is why no reply is possible or wanted. `forbidden` is the limit that was reached before the rules
    were asked. `outcome` is None if they were not asked.
    """

    received_at: float  # seconds since the epoch
    route: str | None
    policy: RoutePolicy
    signal: OptOutSignal | None
    reaction: Reaction | None = None  # if the text looks like one, and reactions are ignored
    unanswerable: str | None = None
    forbidden: str | None = None
    outcome: Outcome | None = None

    def with_outcome(self, outcome: Outcome) -> "Evaluation":
        """Return the evaluation with the outcome of its rules. `dataclasses.replace` takes ten times as long."""
        return Evaluation(self.received_at, self.route, self.policy, self.signal, self.reaction, outcome=outcome)


@frozen
class Proposal:
    """One possible answer to a message: what is sent, why, and what that uses up."""

    rule: str | None
    reason: str
    steps: str = NO_STEPS  # JSON: each rule of the route with its verdict and reason
    messages: tuple[Outgoing, ...] = ()
    xml: bytes = EMPTY
    units: int = 0  # SMS units that Plivo will bill: those of each message, times its recipients
    uses: tuple[Use, ...] = ()
    change: OptOutChange | None = None
    confirms: bool = False  # the one reply that may follow an opt-out
    failed: bool = False  # nothing answered and a rule failed
    cut: bool = False  # a text was longer than max_units
    limited: bool = False  # a limit forbids the reply
    forwards: bool = False  # the reason says how many other people get the message
    unreached: bool = False  # all recipients of a message have opted out
    near_limit: str | None = None  # the spending cap that this reply takes past 80 %


OPTED_OUT = Proposal(OPT_OUT, "this person has opted out")
REPLAYED = Proposal(OPT_OUT, "repeat of a message that changed an opt-out; its answer is no longer stored")


def propose(
    message: InboundMessage, evaluation: Evaluation, callback: Callback, signed_by: str, *, out: bool
) -> Proposal:
    """Return what is sent to a sender who has opted out (`out`), or has not."""
    if evaluation.unanswerable:
        return Proposal(None, evaluation.unanswerable)
    policy, signal, decision = evaluation.policy, evaluation.signal, None
    if signal or out:
        decision = opt_out.decide(policy.opt_out, signal, out=out, verified=bool(signed_by))
    if decision is None:
        return _from_rules(message, evaluation, callback)
    confirms = decision.text is not None and evaluation.route is not None
    messages = (Outgoing(message.to, (message.sender,), decision.text or ""),) if confirms else ()
    fitted = fit(messages, policy.limits.max_units)
    return Proposal(
        OPT_OUT,
        decision.reason + fitted.why,
        messages=fitted.messages,
        xml=xml_of(fitted.messages, message.message_uuid, callback),
        units=fitted.units,
        change=_change(message, evaluation, signed_by, decision),
        confirms=True,
        cut=fitted.cut,
    )


def _change(
    message: InboundMessage, evaluation: Evaluation, signed_by: str, decision: OptOutDecision
) -> OptOutChange | None:
    """Return the change of the sender's opt-out, if the message makes one."""
    if not decision.change:
        return None
    return OptOutChange(
        Conversation(message.to, message.person),
        decision.change == "out",
        evaluation.received_at,
        message.message_uuid,
        evaluation.signal.word if evaluation.signal else "",
        signed_by,
        "message",
    )


def _from_rules(message: InboundMessage, evaluation: Evaluation, callback: Callback) -> Proposal:
    outcome = evaluation.outcome
    if evaluation.forbidden:
        return Proposal(None, evaluation.forbidden, limited=True)
    if evaluation.route is None:
        return Proposal(None, reasons.NO_ROUTE)
    if outcome is None:
        return Proposal(None, reasons.HAD_OPTED_OUT)
    steps = f"[{', '.join([_step_json(step.rule, step.verdict, step.reason) for step in outcome.steps])}]"
    answer = outcome.answer
    if answer is None:
        reason = reasons.RULES_FAILED if outcome.failed else reasons.EVERY_RULE_PASSED
        return Proposal(None, reason, steps, failed=outcome.failed)
    fitted = fit(answer.messages, evaluation.policy.limits.max_units)
    return Proposal(
        outcome.rule,
        (forwarded_to(fitted.messages, message.sender) if answer.forwards else answer.reason) + fitted.why,
        steps,
        fitted.messages,
        xml_of(fitted.messages, message.message_uuid, callback),
        fitted.units,
        answer.uses if fitted.messages else (),
        cut=fitted.cut,
        forwards=answer.forwards,
    )


def forwarded_to(messages: Sequence[Outgoing], sender: str) -> str:
    """Return the reason of a forward, with how many people other than the sender get a message."""
    others = {number for one in messages for number in one.dst} - {sender}
    return f"forwarded to {len(others)}" if others else FORWARDED_TO_NOBODY


@lru_cache(maxsize=4096)
def _step_json(rule: str, verdict: str, reason: str) -> str:
    """Return one step as the journal stores it. Cached, because rules give the same reasons over and over."""
    return json.dumps({"rule": rule, "verdict": verdict, "reason": reason}, ensure_ascii=False)


class Fitted(NamedTuple):
    """Messages that can be sent, and what had to be left out."""

    messages: tuple[Outgoing, ...]
    units: int
    cut: bool
    why: str


def fit(messages: Sequence[Outgoing], max_units: int) -> Fitted:
    """Return the messages without recipients that cannot be texted, and with texts cut to `max_units`."""
    fitted, count, cut, why = [], 0, False, ""
    for one in messages:
        dst = tuple([number for number in one.dst if number != one.src and numbers.can_be_texted(number)])
        if len(dst) < len(one.dst):
            why = reasons.CANNOT_BE_TEXTED
        whole = clean(one.text)  # a text of characters that XML forbids would be sent as an empty message
        text, size = units.fit(whole, max_units)
        cut = cut or text != whole
        if dst and text.strip():
            fitted.append(one if dst == one.dst and text == one.text else Outgoing(one.src, dst, text))
            count += size * len(dst)
    return Fitted(tuple(fitted), count, cut, why)


def xml_of(messages: Sequence[Outgoing], message_uuid: str, callback: Callback) -> bytes:
    """Return the Plivo XML of the reply to a message."""
    return render(messages, f"{callback.url}/{message_uuid}", callback.method)


def cost(messages: Sequence[Outgoing]) -> int:
    """Return the SMS units that Plivo bills for these messages."""
    return sum(units.count(one.text) * len(one.dst) for one in messages)
