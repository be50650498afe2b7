"""Where reports go, as the config says it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.outbound import Secret
from app.plivo.signature import Token
from app.reports.schedule import RETRY

Format = Literal["json", "plivo"]


@dataclass(frozen=True, slots=True)
class Target:
    """One `[targets.x]`."""

    name: str
    url: str = field(repr=False)  # and headers: either may hold a password
    format: Format = "json"
    secrets: tuple[Secret, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    statuses: frozenset[str] = frozenset()  # empty: all
    timeout: float = 10.0  # seconds for a whole attempt
    concurrency: int = 4  # attempts at a time
    retry: tuple[float, ...] = RETRY
    plivo_token: Token | None = None  # signs each POST as Plivo does, for handlers written on its SDK


def wanting(targets: Mapping[str, Target], names: Iterable[str], status: str) -> tuple[str, ...]:
    """Those of the named targets that want a report of this status."""
    return tuple(name for name in names if (statuses := targets[name].statuses) == frozenset() or status in statuses)
