"""Limits: no robot loops, no runaway bill (G8). Pure; what was sent is remembered by the ledger.

per_sender  answers to one person from one number
same_text   answers to one and the same text of one person: only a robot says it for ever
total       SMS units, of all messages of all numbers, or of one route: a fuse for the bill
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from app import folding
from app.plivo.messages import InboundMessage
from app.policies.ledger import Fuse, Memory, Pair, Recall

WARN_AT = 0.8  # of a fuse
ALL = ""  # the scope of the fuse of all routes

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        units = ((DAY, "d"), (HOUR, "h"), (60.0, "m"), (1.0, "s"))
        size, unit = next((size, unit) for size, unit in units if self.seconds % size == 0 or unit == "s")
        return f"{self.count}/{self.seconds / size:.0f}{unit}"


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """`[limits]`, or a route's own."""

    per_sender: tuple[Rate, ...] = (Rate(30, HOUR), Rate(100, DAY))
    same_text: tuple[Rate, ...] = (Rate(4, HOUR),)
    total: tuple[Rate, ...] = (Rate(5000, DAY),)
    max_units: int = 3
    exempt: frozenset[str] = frozenset()
    fuses: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)  # route -> its own, besides the one of all


def text_key(message: InboundMessage) -> str:
    """One key for all ways to write the same words; pictures without words differ by their address."""
    said = "\n".join((folding.phrase(message.text), *message.media))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def recall(options: LimitOptions, now: float, pair: Pair, people: frozenset[Pair], route: str | None) -> Recall:
    """What the limits of a route need to know of a pair."""
    rates = () if pair.person in options.exempt else (*options.per_sender, *options.same_text)
    window = max((rate.seconds for rate in rates), default=0.0)
    return Recall(now, pair, people | {pair}, window, frozenset(fuse for fuse, _ in fuses(options, route)))


def fuses(options: LimitOptions, route: str | None) -> list[tuple[Fuse, Rate]]:
    """The fuses that a message of this route burns: the common one, and its own."""
    own = options.fuses.get(route or "", ())
    common = [(Fuse(ALL, rate.seconds), rate) for rate in options.total]
    return common + [(Fuse(f"route {route}", rate.seconds), rate) for rate in own]


def exceeded(
    options: LimitOptions, memory: Memory, asked: Recall, key: str, route: str | None, units: int
) -> str | None:
    """Which limit silences this answer, if any."""
    exempt = asked.pair.person in options.exempt
    same = [at for at, digest in memory.replies if digest == key]
    every = [at for at, _ in memory.replies]
    for name, rates, times in (("same_text", options.same_text, same), ("per_sender", options.per_sender, every)):
        for rate in () if exempt else rates:
            if sum(at > asked.now - rate.seconds for at in times) >= rate.count:
                return f"limit: {name} {rate}"
    for fuse, rate in fuses(options, route):
        if memory.spent.get(fuse, 0) + units > rate.count:
            return f"limit: total {rate}{_of(fuse)}"
    return None


def burning(options: LimitOptions, memory: Memory, route: str | None, units: int) -> str | None:
    """The fuse that this answer takes over `WARN_AT`, if any."""
    for fuse, rate in fuses(options, route):
        before = memory.spent.get(fuse, 0)
        if before < WARN_AT * rate.count <= before + units:
            return f"total {rate}{_of(fuse)}"
    return None


def _of(fuse: Fuse) -> str:
    return f" of {fuse.scope}" if fuse.scope else ""
