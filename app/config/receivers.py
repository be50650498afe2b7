"""Receivers that are the service itself: reports would come round for ever, and nobody reads a forward."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from app.config.source import Source
from app.config.tree import is_source
from app.plivo.numbers import show
from app.rules.compiler import Place
from app.rules.kinds.forward import Forward
from app.rules.rule import Rule
from app.rules.table import Table

_OURS = ("message", "report")  # below public_url; what else has that host may be somebody else's
_CONSEQUENCES: Mapping[str | int, str] = {
    "url": "so reports would come round for ever",
    "webhook": "which lets in only Plivo's calls",
}
_PORTS = {"http": 80, "https": 443}


def check_receivers(source: Source, public_url: str) -> None:
    """Note each target and each webhook whose address is that of the message_url, or of the reports."""
    for place, url in _addresses(source):
        if _is_ours(url, public_url):
            source.note(
                place, f"the service's own address, {_CONSEQUENCES[place[-1]]}; write the address of a receiver"
            )


def warn_of_own_phones(source: Source, table: Table, rules: Iterable[tuple[Place, Rule]]) -> None:
    """A forward to one of our numbers comes back to the service, and nobody reads it."""
    for place, rule in rules:
        for number in rule.action.to if isinstance(rule.action, Forward) else ():
            if number in table.by_number:
                message = f"{show(number)} is your own number, which no person reads; write the number of a phone"
                source.note((*place, "forward"), message, "warning")


def _addresses(source: Source) -> Iterator[tuple[Place, str]]:
    written: Mapping[str, Any] = source.data
    routes = written.get("routes")
    each = enumerate(routes if isinstance(routes, list) else [routes])
    tables: list[tuple[Place, Any, str]] = [(("routes", index), table, "webhook") for index, table in each]
    for kind, key in (("rules", "webhook"), ("targets", "url")):
        named = written.get(kind)
        tables += [((kind, name), table, key) for name, table in named.items()] if isinstance(named, Mapping) else []
    for place, table, key in tables:
        url = table.get(key) if isinstance(table, Mapping) else None
        text = source.resolved(url) if isinstance(url, Mapping) and is_source(url) else url
        if isinstance(text, str):
            yield (*place, key), text


def _is_ours(url: str, public_url: str) -> bool:
    try:
        given, own = urlsplit(url), urlsplit(public_url)
        if _origin(given) != _origin(own):
            return False
    except ValueError:  # `check` has said so
        return False
    below = given.path.removeprefix(own.path)
    return given.path.startswith(f"{own.path}/") and below.split("/")[1] in _OURS


def _origin(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or _PORTS.get(parts.scheme)
