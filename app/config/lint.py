"""Checks across tables: a file may be wrong though each of its tables is right."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from app.config.diagnostics import Diagnostics
from app.config.fields import is_source
from app.config.routes import Draft, Reader
from app.delivery.target import Target
from app.plivo import units
from app.policies.limits import LimitOptions
from app.policies.opt_out import RouteOptOut, read
from app.policies.policies import Policies
from app.rules.compiler import Place
from app.rules.kinds.keywords import Keyword, Keywords
from app.rules.table import Route, Table
from app.runtime import Runtime
from app.settings import AdminSettings, StoreSettings

MANY_NUMBERS = 1_000  # that share a spending cap: one busy number may silence all others
RATES = ("per_sender", "same_text", "total")

TOO_LONG = "a window longer than [store] keep: what is forgotten cannot be counted"


def check(store: StoreSettings, runtime: Runtime, reader: Reader, faults: Diagnostics) -> None:
    """Everything that needs all tables."""
    table, policies = runtime.table, runtime.policies
    warn_of_reserve(store, faults)
    check_windows(store.keep, reader.limits, reader.own, table, faults)
    check_copies(store.keep_text, runtime.subscriptions.targets, faults)
    warn_of_kept_answers(store.keep_text, faults)
    check_limits(reader.limits, policies, reader.own, faults)
    warn_of_shared_cap(reader.limits, table, faults)
    warn_of_opt_out_words(table, policies, faults)


def check_windows(
    keep: float, limits: LimitOptions, own: Mapping[str, Draft], table: Table, faults: Diagnostics
) -> None:
    """What is forgotten after `keep` cannot be counted for longer."""
    of_routes = [((*draft.place, "limits"), draft.options.limits) for draft in own.values()]
    for place, options in ((("limits",), limits), *of_routes):
        for key in RATES if options else ():
            rates = getattr(options, key)
            is_own = options is limits or rates is not getattr(limits, key)
            if is_own and any(rate.seconds > keep for rate in rates):
                faults.note((*place, key), TOO_LONG)
    for name, cooldown in _cooldowns(table):
        if cooldown > keep:
            faults.note(("rules", name, "cooldown"), "longer than [store] keep: what is forgotten cannot be kept to")


def _cooldowns(table: Table) -> list[tuple[str, float]]:
    of_rules = [(rule.name, rule.cooldown.seconds) for rule in table.rules if rule.cooldown]
    return of_rules + [
        (rule.name, word.cooldown.seconds) for rule in table.rules for word in _words(rule.action) if word.cooldown
    ]


def _words(action: object) -> list[Keyword]:
    if not isinstance(action, Keywords):
        return []
    return [*action.whole.values(), *action.first.keywords.values(), *action.any.keywords.values()]


def warn_of_opt_out_words(table: Table, policies: Policies, faults: Diagnostics) -> None:
    """Opt-out comes before every route, so a keyword that is one of its words is never asked."""
    for route in table.by_name.values():
        options = policies.of(route.name).opt_out
        if options.mode != "off":
            _warn_of_words(route, options, faults)


def _warn_of_words(route: Route, options: RouteOptOut, faults: Diagnostics) -> None:
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


def check_limits(limits: LimitOptions, policies: Policies, own: Mapping[str, Draft], faults: Diagnostics) -> None:
    """A limit that is no limit, and a confirmation that is longer than a message may be."""
    for key in RATES:
        if not getattr(limits, key):
            faults.note(("limits", key), "without it two machines may talk for ever, at your cost", "warning")
    of_routes = [(own[name].place, policy) for name, policy in policies.by_route.items()]
    for place, policy in (((), policies.default), *of_routes):
        for kind, text in policy.opt_out.replies.items():
            if (count := units.count(text)) > policy.limits.max_units:
                message = f"{count} units, more than max_units = {policy.limits.max_units}"
                faults.note((*place, "opt_out", "reply", kind), message)


def warn_of_shared_cap(limits: LimitOptions, table: Table, faults: Diagnostics) -> None:
    """A spending cap that was meant for a few numbers."""
    if limits.total and (count := len(table.by_number)) > MANY_NUMBERS:
        caps = ", ".join(map(str, limits.total))
        message = f"{count} numbers share {caps}; one busy number may silence all others: see limits.total of a route"
        faults.note(("limits", "total"), message, "warning")


def warn_of_reserve(store: StoreSettings, faults: Diagnostics) -> None:
    """A key that does nothing."""
    if store.reserve and not store.file:
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


def warn_of_strangers(admin: AdminSettings | None, faults: Diagnostics) -> None:
    """Nothing guards the metrics but the address. Private ones, and 0.0.0.0 in a container, are usual."""
    try:
        public = admin is not None and ipaddress.ip_address(admin.listen.host).is_global
    except ValueError:
        public = False
    if public:
        message = "a public address: anybody can read /metrics and /ready there; they hold no texts and no numbers"
        faults.note(("admin", "listen"), message, "warning")


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
