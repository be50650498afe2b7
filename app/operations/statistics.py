"""Statistics of the last hour, day or week: what became of messages, how long answers took, deliveries.

Messages of the addresses in `without` count nowhere: those of `[admin] test_senders`, which no customer sent.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from app.plivo.numbers import canonical
from app.replies.reasons import Silence
from app.store import Store
from app.store.statistics import GAVE_UP, PENDING, WITHIN, SlotCounts, Slots, count

__all__ = ["SPANS", "Slots", "SpanName", "Statistics", "statistics"]

SpanName = Literal["hour", "day", "week"]
SPANS: Mapping[SpanName, tuple[int, float]] = {"hour": (60, 60.0), "day": (96, 900.0), "week": (168, 3600.0)}
SILENCES: tuple[Silence, ...] = get_args(Silence)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts by slot; the last slot is not over yet. Every mapping has all its keys, in a fixed order."""

    slots: Slots
    silences: Mapping[Silence, Sequence[int]]
    gave_up: Sequence[int]  # no answer after four failed calls
    pending: Sequence[int]  # no answer yet
    failed_calls: Sequence[int]  # calls of Plivo on which a rule failed and nothing answered
    within: Mapping[float | None, Sequence[int]]  # answers ready within so many seconds of the first call; None: later
    accepted: Sequence[int]  # attempts of deliveries that a target accepted
    failed: Sequence[int]  # and that it did not
    dead: Sequence[int]  # deliveries that died

    @property
    def answered(self) -> Sequence[int]:
        """The messages that got an answer, by slot."""
        return _sums(self.within.values())

    @property
    def silent(self) -> Sequence[int]:
        """The messages that got no answer for a reason, by slot."""
        return _sums(self.silences.values())


async def statistics(store: Store, at: float, span: SpanName, without: Collection[str] = ()) -> Statistics:
    """Return the statistics of the span that ends with the slot of `at`. Raises `Unavailable`."""
    number, seconds = SPANS[span]
    slots = Slots((at // seconds + 1 - number) * seconds, seconds, number)
    found = await count(store.engine, slots, {canonical(address) for address in without})
    return _statistics(slots, found)


def _statistics(slots: Slots, found: SlotCounts) -> Statistics:
    none = [0] * slots.count
    return Statistics(
        slots,
        {kind: found.outcomes.get(kind, none) for kind in SILENCES},
        found.outcomes.get(GAVE_UP, none),
        found.outcomes.get(PENDING, none),
        found.failed_calls,
        {limit: found.outcomes.get(limit, none) for limit in (*WITHIN, None)},
        found.accepted,
        found.failed,
        found.dead,
    )


def _sums(kinds: Iterable[Sequence[int]]) -> list[int]:
    return [sum(numbers) for numbers in zip(*kinds, strict=True)]
