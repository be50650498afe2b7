"""Targets, those in trouble first, with what their receivers last answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.operations.deliveries import DeliveryRecord
from app.operations.status import TargetSummary, list_summaries
from app.store import Store
from app.store.failures import last_failures

EACH = 3  # dead deliveries, and as many that are due
ORDER = {"failing": 0, "busy": 2, "paused": 3, "running": 5, "unknown": 6}
UNKNOWN_AND_DUE, DEAD = 1, 4


@dataclass(frozen=True, slots=True)
class TargetDetails:
    """A target, and its deliveries that failed last."""

    summary: TargetSummary
    failed: tuple[DeliveryRecord, ...]


@dataclass(frozen=True, slots=True)
class TargetPage:
    """Some targets, and how many there are in all."""

    targets: tuple[TargetDetails, ...]
    total: int


async def list_details(store: Store, name: str, first: int, limit: int) -> TargetPage:
    """Return targets whose name contains `name`, the worst first: `limit` from number `first` on, counted from 0.

    Raises `Unavailable`.
    """
    summaries = [one for one in await list_summaries(store) if name in one.name]
    shown = sorted(summaries, key=_rank)[first : first + limit]
    failed = await last_failures(store.engine, [one.name for one in shown if _is_troubled(one)], EACH)
    return TargetPage(tuple(TargetDetails(one, _of(one.name, failed)) for one in shown), len(summaries))


def _of(name: str, failed: Sequence[DeliveryRecord]) -> tuple[DeliveryRecord, ...]:
    return tuple(one for one in failed if one.target == name)


def _is_troubled(one: TargetSummary) -> bool:
    return bool(one.state != "running" or one.queue.due or one.queue.dead)


def _rank(one: TargetSummary) -> int:
    if one.state == "unknown" and one.queue.due:
        return UNKNOWN_AND_DUE
    if one.state in ("running", "unknown") and one.queue.dead:
        return DEAD
    return ORDER[one.state]
