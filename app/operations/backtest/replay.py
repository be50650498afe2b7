"""Put messages of the past through a configuration, in order, by the functions that answer live traffic."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import NamedTuple

from app.operations.backtest.past_results import past_results
from app.operations.backtest.usage import ReplayedUsage
from app.operations.explain import calling_rules
from app.plivo.messages import InboundMessage
from app.policies.usage import Conversation, OptOutChange, Usage
from app.replies.decide import admit, candidate, usage_query
from app.replies.evaluate import ask_rules, begin, has_effects
from app.replies.handler import RULES_LIFETIME
from app.replies.proposals import Proposal
from app.replies.reasons import SAME_TIME
from app.rules.outcome import Answers, Fails, RuleResult, Step
from app.rules.services import RuleServices
from app.rules.table import Route
from app.runtime import Runtime
from app.store import Store
from app.store.replaying import PastMessage, Rows, read_messages, unexplained_changes

SLACK = 10.0  # seconds by which rows may stand in another order than the messages came
_NOT_ASKED = "given: pass"  # the reason of a rule for which nothing is given


class Replayed(NamedTuple):
    """What is sent to a message now, and the steps of its rules."""

    route: str | None
    proposal: Proposal
    steps: tuple[Step, ...]
    given: Mapping[str, RuleResult | str]


@dataclass(slots=True)
class Replay:
    """The replay of a store's messages. `given` has the result of rules by name, whatever they said then."""

    store: Store
    runtime: Runtime
    usage: ReplayedUsage
    given: Mapping[str, str]

    async def answer(self, past: PastMessage) -> Replayed:
        """Answer a message again. Raises `Unavailable`."""
        media = tuple(json.loads(past.media))
        message = InboundMessage.of(
            past.message_uuid, past.sender, past.recipient, past.text or "", past.type, past.intent, past.units, media
        )
        runtime, usage = self.runtime, self.usage
        route, evaluation = await begin(runtime, message, past.at)
        remembered = await usage.look_up(usage_query(message, evaluation, (message.person,), cooldowns=True), past.id)
        given = self._given(past, route, evaluation.policy.limits.max_units)
        known = self._known(past, message, remembered) if has_effects(route, evaluation) else None
        evaluation = await ask_rules(runtime, route, message, evaluation, known, RuleServices(given=given))
        ready = candidate(message, evaluation, runtime.policies, runtime.callback, past.signed_by)
        await usage.load_recipients(ready.query.people, message.person)
        proposal = admit(ready, remembered)
        usage.note_admitted(past, ready, proposal, as_then=past.xml == proposal.xml)
        steps = evaluation.outcome.steps if evaluation.outcome else ()
        return Replayed(evaluation.route, proposal, steps, given)

    def _known(self, past: PastMessage, message: InboundMessage, remembered: Usage) -> Usage:
        """Return what was known when the rules were asked: of messages at the same time, none knew of another."""
        if past.reason != SAME_TIME:
            return remembered
        conversation = Conversation(message.to, message.person)
        used = remembered.cooldowns_of(conversation).items()
        earlier = {key: at for key, at in used if at <= past.at - RULES_LIFETIME}
        return replace(remembered, cooldowns={conversation: earlier})

    def _given(self, past: PastMessage, route: Route | None, max_units: int) -> Mapping[str, RuleResult | str]:
        calling = calling_rules(route)
        return {**past_results(past, calling, max_units), **self.given} if calling else self.given


def assumed(replayed: Replayed) -> list[str]:
    """Return the rules of which it is not known what they would say; they passed."""
    asked = (step.rule for step in replayed.steps if step.reason == _NOT_ASKED)
    return [rule for rule in asked if rule not in replayed.given]


def in_words(given: Mapping[str, RuleResult | str]) -> dict[str, str]:
    """Return what rules said as `--given` takes it: a text or "fail". What passes needs no word."""
    words = {}
    for rule, result in given.items():
        match result:
            case str():
                words[rule] = result
            case Fails():
                words[rule] = "fail"
            case Answers(messages) if messages:
                words[rule] = messages[0].text.rstrip()
    return words


async def timeline(
    store: Store, rows: Rows, first_change: int, usage: ReplayedUsage
) -> AsyncIterator[PastMessage | OptOutChange]:
    """Yield messages in the order in which they were answered, and between them the opt-out changes that no replayed
    message makes. Raises `Unavailable`.
    """
    changes = unexplained_changes(store.engine, first_change)
    change = await anext(changes, None)
    async for past in _in_order(store, rows, usage):
        while change and change[0] < past.at:
            yield change[1]
            change = await anext(changes, None)
        yield past


async def _in_order(store: Store, rows: Rows, usage: ReplayedUsage) -> AsyncIterator[PastMessage]:
    """Yield messages by when they were answered: at Plivo's second call others may have come in between."""
    waiting: list[tuple[float, int, PastMessage]] = []
    async for batch in read_messages(store.engine, rows):
        await usage.load_opt_outs({past.person for past in batch})
        for past in batch:
            heappush(waiting, (past.at, past.id, past))
            while waiting and waiting[0][0] <= past.received_at - SLACK:
                yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]
