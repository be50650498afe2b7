"""Checks across tables: a file may be wrong though each of its tables is right."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.config.routes import Draft, Routes
from app.config.source import Source
from app.delivery.target import Target
from app.plivo import units
from app.policies.limits import LimitOptions
from app.policies.opt_out import KINDS, RouteOptOut, read
from app.policies.policies import Policies
from app.rules.compiler import Place, costs_units
from app.rules.kinds.keywords import Keywords
from app.rules.rule import Rule
from app.rules.table import Table
from app.settings import StoreSettings

MANY_NUMBERS = 1_000  # that share a spending cap: one busy number may silence all others
RATES = ("per_sender", "same_text", "total")

_NAME = re.compile(r"\{\w+[^{}]*\}")  # a placeholder of a template
TOO_LONG = "longer than [store] keep; what is forgotten cannot be counted, so shorten it, or raise keep"


def check(
    source: Source,
    store: StoreSettings,
    table: Table,
    policies: Policies,
    targets: Mapping[str, Target],
    routes: Routes,
    rules: Sequence[tuple[Place, Rule]],
) -> None:
    """Everything that needs several tables. What could not be read is not compared with."""
    warn_of_reserve(source, store)
    if not source.has_unread(("store", "keep")):
        check_windows(source, store.keep, routes, rules)
        warn_of_long_retries(source, store.keep, targets)
    if not source.has_unread(("store", "keep_text")):
        check_copies(source, store.keep_text, targets)
        warn_of_kept_answers(source, store.keep_text)
    warn_of_idle_keep_text(source, store)
    check_limits(source, routes.limits, policies, routes.own)
    warn_of_confirmations(source, routes.own.values())
    warn_of_shared_cap(source, routes.limits, table)
    warn_of_opt_out_words(source, table, policies, rules)


def check_windows(source: Source, keep: float, routes: Routes, rules: Iterable[tuple[Place, Rule]]) -> None:
    """What is forgotten after `keep` cannot be counted for longer."""
    limits = routes.limits
    of_routes = [((*draft.place, "limits"), draft.options.limits) for draft in routes.own.values()]
    for place, options in ((("limits",), limits), *of_routes):
        for key in RATES if options else ():
            rates = getattr(options, key)
            is_own = options is limits or rates is not getattr(limits, key)
            for index, rate in enumerate(rates if is_own else ()):
                if rate.seconds > keep:
                    source.note((*place, key, index), TOO_LONG)
    for place, cooldown in _cooldowns(rules):
        if cooldown > keep:
            source.note((*place, "cooldown"), TOO_LONG)


def warn_of_long_retries(source: Source, keep: float, targets: Mapping[str, Target]) -> None:
    """What no target has accepted within `keep` is dead, whatever the list says."""
    for name, target in targets.items():
        place = ("targets", name, "retry")
        if source.value(place) is not None and sum(target.retry) > keep:
            message = "longer in all than [store] keep, so the last attempts are never made; shorten it, or raise keep"
            source.note(place, message, "warning")


def _cooldowns(rules: Iterable[tuple[Place, Rule]]) -> Iterator[tuple[Place, float]]:
    for place, rule in rules:
        if rule.cooldown:
            yield place, rule.cooldown.seconds
        words = rule.action.every if isinstance(rule.action, Keywords) else ()
        yield from (((*place, "keywords", word.source), word.cooldown.seconds) for word in words if word.cooldown)


def warn_of_opt_out_words(
    source: Source, table: Table, policies: Policies, rules: Iterable[tuple[Place, Rule]]
) -> None:
    """Opt-out comes before every route, so a keyword that is one of its words is never asked."""
    places = {id(rule): place for place, rule in rules}
    for route in table.by_name.values():
        options = policies.of(route.name).opt_out
        for rule in route.rules if options.mode != "off" else ():
            _warn_of_words(source, places[id(rule)], rule, options)


def _warn_of_words(source: Source, place: Place, rule: Rule, options: RouteOptOut) -> None:
    for phrase, keyword in rule.action.whole.items() if isinstance(rule.action, Keywords) else ():
        sign = read(options, "", phrase)
        if sign and sign.kind == "stop":
            message = f'opt-out takes "{phrase.upper()}" before any rule; see words.not of [opt_out]'
            source.note((*place, "keywords", keyword.source), message, "warning", about="key")


def check_copies(source: Source, keep_text: float, targets: Mapping[str, Target]) -> None:
    """A copy waits in the store until its target has it, so its text has to be there."""
    for name, target in targets.items():
        if "messages" in target.send and not keep_text:
            message = (
                'copies of messages need their texts until they are delivered; set [store] keep_text = "2d", or more'
            )
            source.note(("targets", name, "send"), message)


def warn_of_kept_answers(source: Source, keep_text: float) -> None:
    """G3 needs the answers, and an answer may repeat a text."""
    if not keep_text:
        message = (
            "texts are not kept, but answers are, for a day, so that Plivo's retries get the same; a forward, or a "
            "reply with {text}, is kept with the text that it repeats"
        )
        source.note(("store", "keep_text"), message, "warning")


def warn_of_idle_keep_text(source: Source, store: StoreSettings) -> None:
    """A text is kept no longer than its message."""
    unread = any(source.has_unread(("store", key)) for key in ("keep", "keep_text"))
    if not unread and store.keep_text > store.keep and source.value(("store", "keep_text")) is not None:
        message = "longer than keep, and a text goes with its message; raise keep, or shorten it"
        source.note(("store", "keep_text"), message, "warning")


def check_limits(source: Source, limits: LimitOptions, policies: Policies, own: Mapping[str, Draft]) -> None:
    """A limit that is no limit, and a confirmation that is longer than a message may be."""
    for key in RATES:
        if not getattr(limits, key):
            message = "without it two machines may talk for ever, at your cost; leave the key out for the default"
            source.note(("limits", key), message, "warning")
    of_routes = [(own[name].place, policy) for name, policy in policies.by_route.items()]
    for place, policy in (((), policies.default), *of_routes):
        if any(source.has_unread((*one, "limits", "max_units")) for one in ((), place)):
            continue
        for kind, text in policy.opt_out.replies.items():
            if (count := units.count(text)) > policy.limits.max_units:
                message = (
                    f"{count} units, more than max_units = {policy.limits.max_units}; shorten the text or raise it"
                )
                source.note((*place, "opt_out", "reply", kind), message)


def warn_of_confirmations(source: Source, own: Iterable[Draft]) -> None:
    """A confirmation that costs more than it seems to, or that was meant as a template."""
    for place in [("opt_out", "reply"), *((*draft.place, "opt_out", "reply") for draft in own)]:
        for kind in KINDS:
            text = source.value((*place, kind))
            if not isinstance(text, str):
                continue
            if stray := units.stray(text):
                at = range(stray[0], stray[0] + 1)
                source.note((*place, kind), costs_units(*stray), "warning", at=at)
            if found := _NAME.search(text):
                message = f"{found[0]} is sent as it stands, for names are not replaced in confirmations; leave it out"
                source.note((*place, kind), message, "warning", at=range(*found.span()))


def warn_of_shared_cap(source: Source, limits: LimitOptions, table: Table) -> None:
    """A spending cap that was meant for a few numbers."""
    if limits.total and (count := len(table.by_number)) > MANY_NUMBERS:
        caps = ", ".join(map(str, limits.total))
        message = (
            f"{count} numbers share {caps}, so one busy number may silence all others; see limits.total of a route"
        )
        source.note(("limits", "total"), message, "warning")


def warn_of_reserve(source: Source, store: StoreSettings) -> None:
    """A key that does nothing."""
    if store.reserve and not store.file:
        message = "it watches the disk of a SQLite store, a PostgreSQL's is somewhere else; leave it out"
        source.note(("store", "reserve"), message, "warning")
