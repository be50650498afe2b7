"""Checks across tables: a file may be wrong though each of its tables is right."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.config.diagnostics import Diagnostics
from app.config.fields import is_source
from app.delivery.target import Target
from app.plivo import units
from app.policies.limits import LimitOptions
from app.policies.opt_out import OptOutOptions, read
from app.rules.compiler import Place
from app.rules.kinds.keywords import Keyword, Keywords
from app.rules.table import Route, Table

RouteOptions = Mapping[str, tuple[OptOutOptions, LimitOptions]]

MANY_NUMBERS = 1_000  # that share a spending cap: one busy number may silence all others

TOO_LONG = "a window longer than [store] keep: what is forgotten cannot be counted"


def check_windows(keep: float, limits: LimitOptions, own: RouteOptions, table: Table, faults: Diagnostics) -> None:
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
    for name, rates in limits.route_totals.items():
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


def warn_of_opt_out_words(table: Table, common: OptOutOptions, own: RouteOptions, faults: Diagnostics) -> None:
    """Opt-out comes before every route, so a keyword that is one of its words is never asked."""
    for route in table.by_name.values():
        options = own[route.name][0] if route.name in own else common
        if options.mode != "off":
            _warn_of_words(route, options, faults)


def _warn_of_words(route: Route, options: OptOutOptions, faults: Diagnostics) -> None:
    for rule in route.rules:
        if isinstance(rule.action, Keywords):
            for phrase, keyword in rule.action.whole.items():
                sign = read(options, "", phrase)
                if sign and sign.kind == "stop":
                    message = f'opt-out takes "{phrase.upper()}" before any rule; see words.not of [opt_out]'
                    faults.note(("rules", rule.name, "keywords", keyword.source), message, "warning")


def check_copies(keep_text: float, targets: Mapping[str, Target], faults: Diagnostics) -> None:
    """A copy waits in the store until its target has it, so its text has to be there."""
    for name, target in targets.items():
        if "messages" in target.send and not keep_text:
            message = (
                'copies of messages need their texts until they are delivered: set [store] keep_text = "2d", or more'
            )
            faults.note(("targets", name, "send"), message)


def warn_of_kept_answers(keep_text: float, faults: Diagnostics) -> None:
    """G3 needs the answers, and an answer may repeat a text."""
    if not keep_text:
        message = (
            "texts are not kept, but answers are, for a day, so that Plivo's retries get the same; a forward, or a "
            "reply with {text}, is kept with the text that it repeats"
        )
        faults.note(("store", "keep_text"), message, "warning")


def check_limits(limits: LimitOptions, own: RouteOptions, opt_out: OptOutOptions, faults: Diagnostics) -> None:
    """A limit that is no limit, and a confirmation that is longer than a message may be."""
    for key, rates in (("per_sender", limits.per_sender), ("same_text", limits.same_text), ("total", limits.total)):
        if not rates:
            faults.note(("limits", key), "without it two machines may talk for ever, at your cost", "warning")
    confirmations = [((), opt_out, limits), *((("routes", name), *options) for name, options in own.items())]
    for place, replies, options in confirmations:
        for kind, text in replies.replies.items():
            if (count := units.count(text)) > options.max_units:
                faults.note(
                    (*place, "opt_out", "reply", kind), f"{count} units, more than max_units = {options.max_units}"
                )


def warn_of_shared_cap(limits: LimitOptions, table: Table, faults: Diagnostics) -> None:
    """A spending cap that was meant for a few numbers."""
    if limits.total and (count := len(table.by_number)) > MANY_NUMBERS:
        caps = ", ".join(map(str, limits.total))
        message = f"{count} numbers share {caps}; one busy number may silence all others: see limits.total of a route"
        faults.note(("limits", "total"), message, "warning")


def warn_of_reserve(where: object, reserve: int | None, faults: Diagnostics) -> None:
    """A key that does nothing."""
    if reserve and not isinstance(where, Path):
        message = "it watches the disk of a SQLite store; a PostgreSQL's is somewhere else"
        faults.note(("store", "reserve"), message, "warning")


def warn_of_exposure(data: Mapping[str, Any], faults: Diagnostics) -> None:
    """Secrets that stand in the file, and addresses that anybody on the way can read."""
    for place, value in _walk(data, ()):
        key = next(part for part in reversed(place) if isinstance(part, str))
        if place[-2:-1] == ("headers",) and "auth" not in key.lower() and "key" not in key.lower():
            continue
        secret = key in ("auth_tokens", "secrets") or place == ("admin", "token") or place[-2:-1] == ("headers",)
        if isinstance(value, str) and secret:
            faults.note(place, 'a secret in the file; better { env = ".." } or { file = ".." }', "warning")
        if place == ("store", "url") and isinstance(value, str) and re.search(r"//[^/@:]*:[^/@]+@", value):
            faults.note(place, 'a password in the file; better url = { env = ".." } or { file = ".." }', "warning")
        if key in ("public_url", "webhook", "url") and isinstance(value, str) and _is_open_http(value):
            what = "messages" if key != "url" else "reports"
            faults.note(place, f"http to a public host: anybody on the way can read {what}", "warning")


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Every single value of the file with its place; what stands elsewhere is left out."""
    if is_source(value) or place[:1] == ("tests",) or "keywords" in place:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*place, index))
    elif place:
        yield place, value


def _is_open_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        public = "." in host and not host.endswith((".localhost", ".local", ".internal"))
    return parts.scheme == "http" and public
