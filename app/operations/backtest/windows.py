"""How far back the rules and limits of a configuration look, and the cooldowns that an answer of the past used up."""

from collections.abc import Iterator

from app.rules.kinds.keywords import Keyword, Keywords
from app.rules.rule import Cooldown, Rule
from app.rules.table import Route
from app.runtime import Runtime


def longest_window(runtime: Runtime) -> float:
    """Return the longest window of any limit, spending cap or cooldown, in seconds."""
    policies = runtime.policies
    limits = [policy.limits for policy in (policies.default, *policies.by_route.values())]
    windows = [window for one in limits for window in (one.window, *(budget.seconds for budget in one.budgets))]
    cooldowns = [cooldown.seconds for rule in runtime.table.rules for cooldown in _cooldowns(rule)]
    return max([*windows, *cooldowns], default=0.0)


def cooldown_keys(route: Route | None, name: str | None, reason: str) -> Iterator[str]:
    """Yield the keys of the cooldowns that an answer used up, by its rule and its reason in the journal."""
    for rule in route.rules if route and name else ():
        if rule.name == name:
            if rule.cooldown:
                yield rule.name
            cooled = [word for word in _words(rule) if word.cooldown and reason.startswith(word.reason)]
            yield from (word.key(rule.name) for word in cooled)


def _cooldowns(rule: Rule) -> Iterator[Cooldown]:
    if rule.cooldown:
        yield rule.cooldown
    yield from (word.cooldown for word in _words(rule) if word.cooldown)


def _words(rule: Rule) -> tuple[Keyword, ...]:
    return rule.action.every if isinstance(rule.action, Keywords) else ()
