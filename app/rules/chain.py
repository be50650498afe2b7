"""Ask the rules of a route in order, until one answers.

A rule that raises, or takes longer than its lifetime, has failed, and the next one is asked. A rule may redirect to
another rule of the route, which is then asked next. Every rule leaves a step with its reason, even if it was not asked.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from app.plivo.messages import InboundMessage
from app.rules.kinds.keywords import Keywords
from app.rules.outcome import Answers, Fails, Outcome, Passes, Redirects, RuleResult, Step
from app.rules.rule import Rule, RuleContext
from app.rules.services import RuleServices
from app.rules.table import Route
from app.telemetry import get_logger, place_of

log = get_logger("rules")

GRACE = 0.1  # seconds to clean up for a rule whose lifetime is over


async def walk(
    route: Route,
    message: InboundMessage,
    at: float,
    cooldowns: Mapping[str, float],
    services: RuleServices = RuleServices(),  # noqa: B008 - frozen
) -> Outcome:
    """Ask the rules of the route in order, until one answers. Raises nothing, except when it is cancelled."""
    context = RuleContext(message, route.name, at, route.vars, cooldowns, services, message.to)
    left, steps = list(route.rules), []
    while left:
        rule = left.pop(0)
        context.src, context.rule = rule.src or message.to, rule.name
        try:
            result = await (_call_out(rule, context) if rule.action.calls_out else rule(context))
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - it fails only this rule
            result = _failure(error)
        if isinstance(result, Redirects):
            result = _redirected(result, left)
        if isinstance(result, Answers):
            steps.append(Step(rule.name, "answers", result.reason))
            steps += [Step(other.name, "not asked", "an earlier rule answered") for other in left]
            return Outcome(result, rule.name, tuple(steps))
        steps.append(Step(rule.name, "fails" if isinstance(result, Fails) else "passes", result.reason))
        if isinstance(result, Fails):
            uuid = message.message_uuid
            log.warning("rule failed", route=route.name, rule=rule.name, reason=result.reason, message_uuid=uuid)
    return Outcome(None, None, tuple(steps))


async def keyword_answers(route: Route, message: InboundMessage, at: float) -> bool:
    """Return whether a keyword of the route is in the text.

    Such a keyword takes precedence over the built-in help words.
    """
    context = RuleContext(message, route.name, at, route.vars, {}, RuleServices(), message.to)
    results = [await rule(context) for rule in route.rules if isinstance(rule.action, Keywords)]
    return any(isinstance(result, Answers) for result in results)


def _redirected(redirect: Redirects, left: list[Rule]) -> Passes | Fails:
    """Put the named rule first. It is a failure if that rule was asked already, or belongs to another route."""
    named = next((rule for rule in left if rule.name == redirect.rule), None)
    if named is None:
        return Fails("redirects to a rule that is not in this route or was already asked")
    left.remove(named)
    left.insert(0, named)
    return Passes(redirect.reason)


async def _call_out(rule: Rule, context: RuleContext) -> RuleResult:
    """Ask a rule that waits for an outside service, for at most its lifetime."""
    if context.services.given is not None:
        return await replace(rule, action=_Given(context.services.given.get(rule.name, "pass")))(context)
    own = replace(
        context, deadline=time.monotonic() + rule.lifetime
    )  # a copy, because a rule may outlive its lifetime, and the context changes
    asked = asyncio.ensure_future(_in_own_task(rule, own))
    try:
        done, late = await asyncio.wait({asked}, timeout=rule.lifetime)
    finally:
        asked.cancel()
    if late:
        await asyncio.wait(late, timeout=GRACE)  # a rule that ignores the cancellation is not waited for
        return Fails(f"no answer within its timeout of {rule.lifetime:g} s")
    (answered,) = done
    error = answered.exception()  # such as GeneratorExit, which would close every coroutine above if raised
    return Fails(f"raised {place_of(error)}") if error else answered.result()


async def _in_own_task(rule: Rule, context: RuleContext) -> RuleResult:
    """Ask a rule in a task, which a `SystemExit` must not leave: it would end the event loop."""
    try:
        return await rule(context)
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - likewise
        return _failure(error)


def _failure(error: BaseException) -> Fails:
    """Return the result of a rule that raised: any exception fails only this rule.

    Raises the exception again if it cancels the current task.
    """
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
        raise error
    return Fails(f"raised {place_of(error)}")


@dataclass(frozen=True, slots=True)
class _Given:
    """The stand-in for an action that calls out, with the result that a test or `explain` has set."""

    result: str | RuleResult
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, context: RuleContext) -> RuleResult:
        match self.result:
            case "pass":
                return Passes("given: pass")
            case "fail":
                return Fails("given: fail")
            case str(text):
                return context.reply(text, "given: a text")
            case Answers() as answer:
                return replace(answer, messages=tuple([replace(one, src=context.src) for one in answer.messages]))
            case result:
                return result
