"""Limits: list the units spent of each spending cap and the replies to each person, and reset them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.operations.addresses import ReadAddress, read_person
from app.operations.steps import step
from app.plivo.numbers import Reading
from app.policies.limits import Rate
from app.policies.usage import Budget
from app.store import Store, forgetting
from app.store import people as stored
from app.store.forgetting import Reset
from app.store.instances import ServerView, SpendingCap, list_servers
from app.store.records import PersonalRows, ReplyCount
from app.store.snapshot import spent

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class CapSpending:
    """SMS units spent in the window of a spending cap. `scope` is empty for the cap of all routes."""

    scope: str
    rate: Rate
    spent: int


@dataclass(frozen=True, slots=True)
class LimitCounts:
    """The units spent of each cap, and the people with the most replies in the last day."""

    spending: tuple[CapSpending, ...]
    people: tuple[ReplyCount, ...]


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """The person whose counts `reset` would forget (None: the spending caps), and the number of rows of each kind."""

    person: Reading | None
    rows: PersonalRows

    @property
    def is_empty(self) -> bool:
        """Whether nothing is counted against the person."""
        return self.person is not None and self.rows == PersonalRows()


async def list_counts(store: Store, at: float, limit: int) -> LimitCounts:
    """Count at a time (seconds since the epoch), with the `limit` busiest people.

    The caps are those that running servers tell of; if none runs, those of the server that ran last. Raises
    `Unavailable`.
    """
    caps = _caps(await list_servers(store.engine))
    units = await spent(store.engine, [Budget(cap.scope, cap.seconds) for cap in caps], at)
    people = await stored.list_counts(store.engine, at - DAY, limit)
    spending = [
        CapSpending(cap.scope, Rate(cap.units, cap.seconds), units[Budget(cap.scope, cap.seconds)]) for cap in caps
    ]
    return LimitCounts(tuple(spending), tuple(people))


def _caps(servers: Sequence[ServerView]) -> list[SpendingCap]:
    """The caps in force, those of all routes first. `servers` are sorted: who runs, then who was seen last."""
    told = [server for server in servers if server.is_running] or servers[:1]
    return sorted({cap for server in told for cap in server.facts.caps})


async def plan_reset(store: Store, text: str | None, read: ReadAddress) -> ResetPlan:
    """Look up whom a text means and what is counted against them; None: the spending caps.

    Raises `OperationRefused` for what is no number, and `Unavailable`.
    """
    if text is None:
        return ResetPlan(None, PersonalRows())
    person = await read_person(store, text, read)
    return ResetPlan(person, await forgetting.count_limits(store.engine, person.address))


async def reset(store: Store, who: str, plan: ResetPlan) -> int:
    """Forget what was counted; return the number of rows. Raises `Unavailable`."""
    order = Reset(who, plan.person.address if plan.person else None)
    more = True
    while more:
        async with step():
            count = await store.change(forgetting.reset, order)
        order = replace(order, done=order.done + count)
        more = count >= forgetting.BATCH
    return order.done
