"""A target: where reports and copies of messages are posted to."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.delivery.retry import RETRY
from app.http_client import Secret
from app.plivo.signature import Token

Format = Literal["json", "plivo"]
Send = Literal["reports", "messages"]

MAX_DUE = 1_000_000  # deliveries, about a gigabyte: a third of what a weekend at 20 reports a second brings


@dataclass(frozen=True, slots=True)
class Target:
    """One `[targets.x]`."""

    name: str
    url: str = field(repr=False)  # and headers: either may hold a password
    send: frozenset[Send] = frozenset({"reports"})
    format: Format = "json"
    secrets: tuple[Secret, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    statuses: frozenset[str] = frozenset()  # empty: all
    timeout: float = 10.0  # seconds for a whole attempt
    concurrency: int = 4  # attempts at a time
    retry: tuple[float, ...] = RETRY
    max_due: int = MAX_DUE  # what may wait for it; beyond, new deliveries are dead at once
    tls: ssl.SSLContext | None = field(default=None, repr=False)  # whom it must be and who we are; None: by default
    plivo_token: Token | None = None  # signs each POST as Plivo does, for handlers written on its SDK


def wanting(targets: Mapping[str, Target], names: Iterable[str], status: str) -> tuple[str, ...]:
    """Those of the named targets that want a report of this status."""
    return tuple(name for name in names if _wants(targets[name], status))


def copied(targets: Mapping[str, Target], names: Iterable[str]) -> tuple[str, ...]:
    """Those of the named targets that want a copy of every message."""
    return tuple(name for name in names if "messages" in targets[name].send)


def _wants(target: Target, status: str) -> bool:
    return "reports" in target.send and (not target.statuses or status in target.statuses)
