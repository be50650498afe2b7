"""The walk along a route: each rule in list order, until one answers.

A rule that raises has failed; it never takes the others with it. Every rule leaves a step with its
reason, those that were not asked included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.plivo.messages import Inbound, Outgoing
from app.plivo.numbers import show
from app.rules.rule import Answers, Ask, Fails, Rule, Verdict
from app.rules.table import Route
from app.telemetry import get_logger, place_of

log = get_logger("rules")

NAMES = frozenset({"from", "to", "text", "rest", "route", "message_uuid"})  # what every template may use


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
    def failed(self) -> bool:
        """Nothing answered and something failed: the next call may still save it."""
        return self.answer is None and any(isinstance(asked.verdict, Fails) for asked in self.asked)


async def walk(route: Route, message: Inbound) -> Outcome:
    """Asks the rules of the route."""
    ask = Ask(message, route.name, message.to, values_of(route, message))
    asked: list[Asked] = []
    for rule in route.rules:
        verdict = await _put(rule, ask)
        asked.append(Asked(rule.name, verdict))
        if isinstance(verdict, Answers):
            return Outcome(verdict, rule.name, (*asked, *_not_asked(route.rules[len(asked) :])))
    return Outcome(None, None, tuple(asked))


def values_of(route: Route, message: Inbound) -> Mapping[str, str]:
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


async def _put(rule: Rule, ask: Ask) -> Verdict:
    try:
        verdict = await rule(ask)
    except Exception as error:  # noqa: BLE001 - law of the chain: whatever a rule raises is its own failure
        verdict = Fails(f"raised {place_of(error)}")
    if isinstance(verdict, Fails):
        log.warning(
            "rule failed", route=ask.route, rule=rule.name, reason=verdict.reason, message_uuid=ask.message.message_uuid
        )
    return verdict


def _not_asked(rules: Sequence[Rule]) -> tuple[Asked, ...]:
    return tuple(Asked(rule.name, None) for rule in rules)
