"""Limits: list the units spent of each spending cap and the replies to each person, and reset them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.operations.addresses import ReadAddress, read_person
from app.operations.steps import step
from app.plivo.numbers import Reading
from app.policies.limits import Rate
from app.policies.usage import Budget
from app.store import Store, forgetting
from app.store import people as stored
from app.store.forgetting import Reset
from app.store.instances import ServerView, list_servers
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

    The caps are those that running servers report; if none runs, those of the server that ran last. Raises
    `Unavailable`.
    """
    servers = await list_servers(store.engine)  # those that run first, then those that were seen last
    running = [server for server in servers if server.is_running] or servers[:1]
    people = await stored.list_counts(store.engine, at - DAY, limit)
    return LimitCounts(await read_spending(store, running, at), tuple(people))


async def read_spending(store: Store, servers: Iterable[ServerView], at: float) -> tuple[CapSpending, ...]:
    """Return what is spent of each cap that these servers report, those of all routes first. Raises `Unavailable`."""
    caps = sorted({cap for server in servers for cap in server.facts.caps})
    budgets = [Budget(cap.scope, cap.seconds) for cap in caps]
    units = await spent(store.engine, budgets, at)
    return tuple(
        CapSpending(cap.scope, Rate(cap.units, cap.seconds), units[budget])
        for cap, budget in zip(caps, budgets, strict=True)
    )


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
