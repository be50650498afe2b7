"""Explain what the rules would answer to a message, and why. Nothing is stored, and no calls are made.

It uses the same functions as live traffic: `replies.evaluate`, then `replies.decide`.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from app.operations.addresses import ReadAddress, read_number, read_sender
from app.operations.errors import OperationRefused
from app.plivo.messages import InboundMessage
from app.policies.usage import Usage, UsageQuery
from app.replies.decide import admit, candidate, usage_query
from app.replies.evaluate import ask_rules, begin, has_effects
from app.replies.proposals import Proposal
from app.rules.outcome import Step
from app.rules.rule import Rule
from app.rules.services import RuleServices
from app.rules.table import Route
from app.runtime import Runtime
from app.store import Store
from app.store.usage import look_up
from app.suggestions import did_you_mean

EXAMPLE_UUID = "00000000-0000-0000-0000-000000000000"
SIGNED_BY = "V3"  # as if it had been verified, so that an opt-out shows what it would change

LookUp = Callable[[UsageQuery], Awaitable[Usage]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The route of a message, what would be sent, and the result of each rule of the route."""

    route: str | None
    proposal: Proposal
    steps: tuple[Step, ...]


def calling_names(runtime: Runtime) -> tuple[str, ...]:
    """Return the names of the rules that call out, for which a result may be given."""
    return tuple(sorted({rule.name for rule in runtime.table.rules if rule.action.calls_out}))


def calling_rules(route: Route | None) -> list[Rule]:
    """Return the rules of a route that call out."""
    return [rule for rule in route.rules if rule.action.calls_out] if route else []


def check_given(runtime: Runtime, given: Iterable[str]) -> None:
    """Raise `OperationRefused` if no rule that calls out has one of these names."""
    rules = calling_names(runtime)
    for name in given:
        if name not in rules:
            raise OperationRefused(f"given {name}: no rule of this name calls out; {did_you_mean(name, rules)}")


async def nothing_remembered(_query: UsageQuery) -> Usage:
    """Return an empty usage, as of somebody who never wrote."""
    return Usage()


def remembered_by(store: Store) -> LookUp:
    """Return a look-up of what a store remembers of people. Nothing is written. It raises `Unavailable`."""
    return partial(look_up, store.engine)


@dataclass(frozen=True, slots=True)
class Question:
    """A message that might come, and what the rules that call out would say to it. Numbers are in any notation."""

    to: str
    sender: str
    text: str = ""
    kind: str = "sms"
    at: float | None = None  # seconds since the epoch; None: now
    given: Mapping[str, str] = field(default_factory=dict)  # a text, "pass" or "fail", by the name of the rule


async def explain_question(
    runtime: Runtime, question: Question, read: ReadAddress, remember: LookUp = nothing_remembered
) -> Explanation:
    """Return what would be sent. Rules that call out are not called.

    Raises `OperationRefused` for what is no number or no such rule.
    """
    to, sender = read_number(question.to, read).address, read_sender(question.sender, read).address
    check_given(runtime, question.given)
    message = InboundMessage.of(EXAMPLE_UUID, sender, to, question.text, question.kind)
    at = time.time() if question.at is None else question.at
    return await explain(runtime, message, at, RuleServices(given=question.given), remember)


async def explain(
    runtime: Runtime, message: InboundMessage, at: float, services: RuleServices, remember: LookUp = nothing_remembered
) -> Explanation:
    """Return what would be sent at this time (seconds since the epoch).

    `remember` is asked before the rules, and again for everybody who would be texted.
    """
    route, evaluation = await begin(runtime, message, at)
    usage = await remember(usage_query(message, evaluation, (message.person,), cooldowns=True))
    known = usage if has_effects(route, evaluation) else None
    evaluation = await ask_rules(runtime, route, message, evaluation, known, services)
    ready = candidate(message, evaluation, runtime.policies, runtime.callback, SIGNED_BY)
    steps = evaluation.outcome.steps if evaluation.outcome else ()
    return Explanation(evaluation.route, admit(ready, await remember(ready.query)), steps)
