"""What is wrong with a file as a whole, though each table is right."""

from collections.abc import Mapping

from app.config.faults import Faults
from app.guards.limits import LimitOptions
from app.guards.opt_out import OptOutOptions
from app.rules.keywords import Keyword, Keywords
from app.rules.table import Route, Table

Guards = Mapping[str, tuple[OptOutOptions, LimitOptions]]

TOO_LONG = "a window longer than [store] keep: what is forgotten cannot be counted"


def check_windows(keep: float, limits: LimitOptions, own: Guards, table: Table, faults: Faults) -> None:
    """What is forgotten after `keep` cannot be counted for longer."""
    every = {("limits",): limits} | {("routes", name, "limits"): options for name, (_, options) in own.items()}
    for place, options in every.items():
        for key, rates in (
            ("per_sender", options.per_sender),
            ("same_text", options.same_text),
            ("total", options.total),
        ):
            if any(rate.seconds > keep for rate in rates):
                faults.note((*place, key), TOO_LONG)
    for name, rates in limits.fuses.items():
        if any(rate.seconds > keep for rate in rates):
            faults.note(("routes", name, "limits", "total"), TOO_LONG)
    for name, cooldown in _cooldowns(table):
        if cooldown > keep:
            faults.note(("rules", name, "cooldown"), "longer than [store] keep: what is forgotten cannot be kept to")


def _cooldowns(table: Table) -> list[tuple[str, float]]:
    rules = [rule for route in table.by_name.values() for rule in route.rules]
    of_rules = [(rule.name, rule.cooldown.seconds) for rule in rules if rule.cooldown]
    return of_rules + [
        (rule.name, word.cooldown.seconds) for rule in rules for word in _words(rule.action) if word.cooldown
    ]


def _words(action: object) -> list[Keyword]:
    if not isinstance(action, Keywords):
        return []
    return [*action.whole.values(), *action.first.keywords.values(), *action.any.keywords.values()]


def warn_of_opt_out_words(table: Table, common: OptOutOptions, own: Guards, faults: Faults) -> None:
    """Opt-out comes before every route, so a keyword that is one of its words is never asked."""
    for route in table.by_name.values():
        options = own[route.name][0] if route.name in own else common
        if options.mode != "off":
            _warn_of_words(route, options, faults)


def _warn_of_words(route: Route, options: OptOutOptions, faults: Faults) -> None:
    for rule in route.rules:
        if isinstance(rule.action, Keywords):
            for phrase, keyword in rule.action.whole.items():
                if options.words.get(phrase) == "stop":
                    message = f'opt-out takes "{phrase.upper()}" before any rule; see words.not of [opt_out]'
                    faults.note(("rules", rule.name, "keywords", keyword.source), message, "warning")
