"""Limits against reply loops and runaway bills (G8).

    per_sender  replies to one person from one number
    same_text   replies to the same text from one person, because only a bot repeats itself
    total       SMS units of all routes together, or of one route: a spending cap

Pure: what was sent before is in `Usage`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from app.notation import Doc, Example, Interval
from app.plivo.numbers import canonical
from app.policies.reactions import Reactions
from app.policies.usage import Budget, Conversation, Usage

NEAR_LIMIT = 0.8  # of a spending cap; the reply that reaches it is logged as a warning
ALL_ROUTES = ""  # the scope of a spending cap on all routes
MOST_UNITS = 10  # of one message; Plivo takes no more than 1,600 characters
LIMIT = "limit: "  # how a reason begins if a limit forbids the reply
SPENDING_CAP = f"{LIMIT}total"  # likewise, if that is a spending cap

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any period of `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        units = ((DAY, "d"), (HOUR, "h"), (60.0, "m"), (1.0, "s"))
        size, unit = next((size, unit) for size, unit in units if self.seconds % size == 0 or unit == "s")
        return f"{self.count}/{self.seconds / size:.0f}{unit}"


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """The options of `[limits]`. A route's own `limits` replace them key by key; its `total` and `exempt` are added."""

    per_sender: Annotated[
        tuple[Rate, ...], Doc("The most replies to one sender from one number, for example `30/1h`.")
    ] = (Rate(30, HOUR), Rate(100, DAY))
    same_text: Annotated[
        tuple[Rate, ...], Doc("The most replies to the same text from one sender. Only a bot repeats itself.")
    ] = (Rate(4, HOUR),)
    total: Annotated[
        tuple[Rate, ...],
        Doc("The spending cap: SMS units of all routes together, forwards included. A warning is logged at 80 %."),
    ] = (Rate(5000, DAY),)
    max_units: Annotated[
        int,
        Interval(ge=1, le=MOST_UNITS),
        Doc(
            "The most SMS units of one message. A longer fixed text is a configuration error, a longer dynamic text is "
            "truncated."
        ),
    ] = 3
    exempt: Annotated[
        tuple[str, ...],
        Example(["+33612345678"]),
        Doc("Senders without `per_sender` and `same_text`, for example your own test phone."),
    ] = ()  # normalised after loading
    reactions: Annotated[
        Reactions,
        Doc('What to do with a reaction such as `Liked ".."`: `ignore` it, or `answer` it like any other text.'),
    ] = "ignore"


@dataclass(frozen=True, slots=True)
class RouteLimits:
    """The limits of one route, prepared at load so that it is known what a message has to look up."""

    per_sender: tuple[Rate, ...]
    same_text: tuple[Rate, ...]
    caps: tuple[tuple[Budget, Rate], ...]
    max_units: int
    exempt: frozenset[str]
    window: float  # seconds; how far back any rate counts replies
    budgets: tuple[Budget, ...]
    scopes: frozenset[str]  # of the spending caps that replies use up; empty for test senders, whom the caps bind too
    reactions: Reactions

    def window_of(self, person: str) -> float:
        """Return how far back replies to this person count, in seconds; 0 for exempt numbers."""
        return 0.0 if person in self.exempt else self.window


def for_route(common: LimitOptions, route: str = "", own: LimitOptions | None = None) -> RouteLimits:
    """Return the limits of a route: its `own` options, the spending caps and exemptions of all routes included.

    `own` has the values of `common` for whatever the route does not set. It is None if the route sets nothing.
    """
    options = own or common
    caps = (
        *((Budget(ALL_ROUTES, rate.seconds), rate) for rate in common.total),
        *((Budget(f"route {route}", rate.seconds), rate) for rate in (own.total if own else ())),
    )
    return RouteLimits(
        options.per_sender,
        options.same_text,
        caps,
        options.max_units,
        frozenset(map(canonical, (*common.exempt, *options.exempt))),
        max((rate.seconds for rate in (*options.per_sender, *options.same_text)), default=0.0),
        tuple(budget for budget, _ in caps),
        frozenset(budget.scope for budget, _ in caps),
        options.reactions,
    )


def text_key(phrase: str, media: Sequence[str]) -> str:
    """Return one key for all spellings of a text. `phrase` is folded; messages without text differ by their media."""
    return sha256("\n".join((phrase, *media)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def exceeded(
    limits: RouteLimits, usage: Usage, conversation: Conversation, at: float, key: str, units: int
) -> str | None:
    """Return the limit that forbids a reply of `units` to this text now, or None."""
    if conversation.person not in limits.exempt and (replies := usage.replies.get(conversation)):
        for rate in limits.same_text:
            if sum(reply.text_key == key and reply.at > at - rate.seconds for reply in replies) >= rate.count:
                return f"{LIMIT}same_text {rate}"
        for rate in limits.per_sender:
            if len(replies) >= rate.count and sum(reply.at > at - rate.seconds for reply in replies) >= rate.count:
                return f"{LIMIT}per_sender {rate}"
    for budget, rate in limits.caps:
        if usage.spent.get(budget, 0) + units > rate.count:
            return f"{SPENDING_CAP} {rate}{_of(budget)}"
    return None


def near_limit(limits: RouteLimits, usage: Usage, units: int) -> str | None:
    """Return the spending cap that a reply of `units` takes past `NEAR_LIMIT`, or None."""
    for budget, rate in limits.caps:
        before = usage.spent.get(budget, 0)
        if before < NEAR_LIMIT * rate.count <= before + units and budget.scope in limits.scopes:
            return f"total {rate}{_of(budget)}"
    return None


def _of(budget: Budget) -> str:
    return f" of {budget.scope}" if budget.scope else ""
