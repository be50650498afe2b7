"""The walk along a route: each rule in list order, until one answers.

A rule that raises, or outlives its life, has failed; it never takes the others with it. A rule may
name another one of the route to be asked next. Every rule leaves a step with its reason, those that
were not asked included.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from app.plivo.messages import InboundMessage, Outgoing
from app.plivo.numbers import show
from app.rules.kinds.keywords import Keywords
from app.rules.rule import Answers, Fails, Passes, Redirects, Rule, RuleContext, Use, Verdict
from app.rules.services import RuleServices
from app.rules.table import Route
from app.telemetry import get_logger, place_of

log = get_logger("rules")

GRACE = 0.1  # seconds for a rule whose life is over to clean up


@dataclass(frozen=True, slots=True)
class Asked:
    """One rule and what it said; None: an earlier one had answered."""

    rule: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the chain came to. No `answer`: all passed, or some failed."""

    answer: Answers | None
    rule: str | None
    asked: tuple[Asked, ...]

    @property
    def messages(self) -> tuple[Outgoing, ...]:
        """What to send."""
        return self.answer.messages if self.answer else ()

    @property
    def uses(self) -> tuple[Use, ...]:
        """What sending it uses up."""
        return self.answer.uses if self.answer else ()

    @property
    def failed(self) -> bool:
        """Nothing answered and something failed: the next call may still save it."""
        return self.answer is None and any(isinstance(asked.verdict, Fails) for asked in self.asked)


async def walk(
    route: Route,
    message: InboundMessage,
    at: float,
    cooldowns: Mapping[str, float],
    services: RuleServices = RuleServices(),  # noqa: B008 - frozen
) -> Outcome:
    """Asks the rules of the route."""
    context = RuleContext(
        message, route.name, message.to, values_of(route, message), at, cooldowns, services, route.vars
    )
    walked = _Walk(list(route.rules))
    while (rule := walked.next()) is not None:
        verdict = await _put(rule, context)
        if isinstance(verdict, Redirects):
            verdict = walked.jump(verdict)
        if isinstance(verdict, Fails):
            uuid = message.message_uuid
            log.warning("rule failed", route=route.name, rule=rule.name, reason=verdict.reason, message_uuid=uuid)
        walked.asked.append(Asked(rule.name, verdict))
        if isinstance(verdict, Answers):
            return Outcome(verdict, rule.name, (*walked.asked, *(Asked(left.name, None) for left in walked.left)))
    return Outcome(None, None, tuple(walked.asked))


async def keyword_answers(route: Route, message: InboundMessage, at: float) -> bool:
    """Whether a keyword of the route is in the text: such a word is the shop's own, not a request for help."""
    context = RuleContext(message, route.name, message.to, values_of(route, message), at)
    verdicts = [await rule(context) for rule in route.rules if isinstance(rule.action, Keywords)]
    return any(isinstance(verdict, Answers) for verdict in verdicts)


def values_of(route: Route, message: InboundMessage) -> Mapping[str, str]:
    """The names that every template may use; a route's own vars lose against them."""
    return {
        **route.vars,
        "from": show(message.sender),
        "to": show(message.to),
        "text": message.text,
        "rest": "",
        "route": route.name,
        "message_uuid": message.message_uuid,
    }


@dataclass(slots=True)
class _Walk:
    """Who is left to be asked, and who was."""

    left: list[Rule]
    asked: list[Asked] = field(default_factory=list)

    def next(self) -> Rule | None:
        return self.left.pop(0) if self.left else None

    def jump(self, wish: Redirects) -> Verdict:
        """Puts the named rule first; a rule that was asked already, or is of another route, is a failure."""
        named = next((rule for rule in self.left if rule.name == wish.rule), None)
        if named is None:
            return Fails("it names a rule that is not in this route, or was asked already")
        self.left.remove(named)
        self.left.insert(0, named)
        return Passes(wish.reason)


async def _put(rule: Rule, context: RuleContext) -> Verdict:
    if rule.action.calls_out and context.services.given is not None:
        rule = replace(rule, action=_Given(context.services.given.get(rule.name, "pass")))
    if not rule.action.calls_out:
        return await _ask(rule, context)
    asked = asyncio.ensure_future(_ask(rule, replace(context, deadline=time.monotonic() + rule.life)))
    try:
        done, late = await asyncio.wait({asked}, timeout=rule.life)
    finally:
        asked.cancel()
    if late:
        await asyncio.wait(late, timeout=GRACE)  # one that will not be cancelled is not waited for
        return Fails(f"no answer within its timeout of {rule.life:g} s")
    (answered,) = done
    error = answered.exception()  # such as GeneratorExit, which would close every coroutine above
    return Fails(f"raised {place_of(error)}") if error else answered.result()


async def _ask(rule: Rule, context: RuleContext) -> Verdict:
    try:
        return await rule(context)
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # whatever it is, it is the rule's own failure
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
            raise  # somebody cancels this walk
        return Fails(f"raised {place_of(error)}")


@dataclass(frozen=True, slots=True)
class _Given:
    """Stands in for an action that calls out."""

    says: str
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, context: RuleContext) -> Verdict:
        match self.says:
            case "pass":
                return Passes("given: pass")
            case "fail":
                return Fails("given: fail")
            case text:
                return context.reply(text, "given: a text")
