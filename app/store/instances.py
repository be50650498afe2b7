"""The running servers in rows: what each reports about itself and its targets, and what operators ask of them.

Commands read these rows, so they need neither the configuration nor the admin socket.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.delivery.queue import TargetStatus
from app.store.clock import now
from app.store.database import insert_or
from app.store.reading import reading
from app.store.schema import deliveries, instances, is_dead, is_due, pauses, probe_requests

ALIVE = 15.0  # seconds: a server that has not written for so long has died; it writes every 5
FORGOTTEN = 3600.0  # seconds until somebody deletes its row


class RefusedCalls(NamedTuple):
    """The number of calls refused for one reason, in the minute that began at `minute` (seconds since the epoch)."""

    minute: int
    reason: str  # the label of a refusal: "forged", "unsigned", "not_found", ..
    calls: int


class SpendingCap(NamedTuple):
    """A spending cap of the configuration: SMS units of a scope in `seconds`. The scope is "" for all routes."""

    scope: str
    seconds: float
    units: int


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The facts that a server reports about itself. Times are seconds since the epoch."""

    host: str = ""
    version: str = ""
    config: str = ""  # the version of the configuration in force
    signature: str = ""  # the mode: "any", "v3" or "log-only"
    started_at: float = 0.0
    reloaded_at: float | None = None  # the last reload, whether it succeeded or not
    failed_reload: str | None = None  # file and line, if the last reload failed
    refused: tuple[RefusedCalls, ...] = ()  # of the last hour
    advice: Mapping[str, str] = field(default_factory=dict)  # by the reason of refusals: the last advice given
    caps: tuple[SpendingCap, ...] = ()
    disk_free: int | None = None  # bytes; None: the store's disk is not ours

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "ServerFacts":
        """Read what another version may have written: unknown keys are left out, missing ones have their default."""
        known = {one.name: values[one.name] for one in fields(cls) if one.name in values}
        known["refused"] = tuple(RefusedCalls(*refused) for refused in known.get("refused", ()))
        known["caps"] = tuple(SpendingCap(*cap) for cap in known.get("caps", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What one server writes: its facts, and the status of its targets."""

    instance: str
    facts: ServerFacts
    targets: Mapping[str, TargetStatus]


@dataclass(frozen=True, slots=True)
class ServerView:
    """A server according to its last row. `seen_at` is in seconds since the epoch."""

    id: str
    seen_at: float
    is_running: bool
    facts: ServerFacts
    targets: Mapping[str, TargetStatus]


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target according to all running servers. Times are seconds since the epoch."""

    paused_at: float | None = None  # by an operator
    statuses: tuple[TargetStatus, ...] = ()  # one a server
    next_attempt: float | None = None  # of a target that is waited for; past: as soon as something is due

    @property
    def failing(self) -> int:
        """The number of servers on which the breaker has paused it."""
        return sum(status.condition == "failing" for status in self.statuses)

    @property
    def held_back_by(self) -> str | None:
        """What holds the target back: "operator", "failures" or "target" (it is busy); None: nothing."""
        return (
            "operator"
            if self.paused_at is not None
            else "failures"
            if self.failing
            else "target"
            if self.busy
            else None
        )

    @property
    def busy(self) -> int:
        """The number of servers on which it gets no requests for a while, as it asked."""
        return sum(status.condition == "busy" for status in self.statuses)


class StoredInstances:
    """The `delivery.queue.Instances` of one server. `change` is `Store.change`."""

    def __init__(
        self,
        engine: AsyncEngine,
        change: Callable[..., Awaitable[Any]],
        identity: str,
        facts: Callable[[], ServerFacts] = ServerFacts,
    ) -> None:
        self._engine = engine
        self._change = change
        self._identity = identity
        self._facts = facts

    async def write(self, statuses: Mapping[str, TargetStatus]) -> None:
        """Implement `Instances.write`."""
        await self._change(write, ServerReport(self._identity, self._facts(), statuses))

    async def leave(self) -> None:
        """Implement `Instances.leave`."""
        await self._change(leave, self._identity)

    async def probe_requests(self) -> Mapping[str, float]:
        """Implement `Instances.probe_requests`."""
        query = sa.select(probe_requests.c.target, probe_requests.c.asked_at)
        async with reading(self._engine) as connection:
            return {row.target: row.asked_at for row in await connection.execute(query)}


def write(connection: sa.Connection, reports: Sequence[ServerReport]) -> list[None]:
    """Store the newest report of each server, and delete those that are long gone."""
    columns = ("seen_at", "stopped", "facts", "targets")
    statement = insert_or(instances, lambda new: {name: new[name] for name in columns})
    for one in reports:
        targets = json.dumps({name: asdict(status) for name, status in one.targets.items()})
        values = {"id": one.instance, "seen_at": now(), "stopped": 0, "facts": json.dumps(asdict(one.facts))}
        connection.execute(statement.values(**values, targets=targets))
    connection.execute(sa.delete(instances).where(instances.c.seen_at < now() - FORGOTTEN))
    return [None] * len(reports)


def leave(connection: sa.Connection, identities: Sequence[str]) -> list[None]:
    """Mark these servers as stopped. Their rows stay for an hour: they contain what was refused, and the targets."""
    connection.execute(sa.update(instances).values(stopped=1).where(instances.c.id.in_(identities)))
    return [None] * len(identities)


async def list_servers(engine: AsyncEngine) -> tuple[ServerView, ...]:
    """Return every server of the last hour, running ones first. Raises `Unavailable`."""
    running = sa.and_(instances.c.stopped == 0, instances.c.seen_at >= now() - ALIVE).label("running")
    query = sa.select(instances, running).order_by(running.desc(), instances.c.seen_at.desc(), instances.c.id)
    async with reading(engine) as connection:
        rows = (await connection.execute(query)).all()
    return tuple(
        ServerView(
            row.id,
            row.seen_at,
            bool(row.running),
            ServerFacts.of(json.loads(row.facts)),
            {name: TargetStatus(**status) for name, status in json.loads(row.targets).items()},
        )
        for row in rows
    )


async def list_targets(engine: AsyncEngine) -> dict[str, TargetView]:
    """Return every target that a server reports, or that an operator has paused. Raises `Unavailable`."""
    alive = sa.select(instances.c.seen_at, instances.c.targets).where(
        instances.c.stopped == 0, instances.c.seen_at >= now() - ALIVE
    )
    async with reading(engine) as connection:
        paused = {row.target: row.paused_at for row in await connection.execute(sa.select(pauses))}
        rows = (await connection.execute(alive.order_by(instances.c.id))).all()
    told: dict[str, list[tuple[float, TargetStatus]]] = {name: [] for name in paused}
    for row in rows:
        for name, status in json.loads(row.targets).items():
            told.setdefault(name, []).append((row.seen_at, TargetStatus(**status)))
    return {name: _view(paused.get(name), statuses) for name, statuses in sorted(told.items())}


async def known_targets(engine: AsyncEngine) -> set[str]:
    """Return every target that a server reported, even one that has stopped, or that is paused or has deliveries.

    Raises `Unavailable`.
    """
    async with reading(engine) as connection:
        told = [json.loads(row.targets) for row in await connection.execute(sa.select(instances.c.targets))]
        paused = await connection.scalars(sa.select(pauses.c.target))
        return {name for targets in told for name in targets} | set(paused) | set(await _with_deliveries(connection))


async def _with_deliveries(connection: AsyncConnection) -> list[str]:
    """The targets that have deliveries due or dead, which the indexes hold; those done may be millions."""
    unfinished = (sa.select(deliveries.c.target).where(state).distinct() for state in (is_due, is_dead))
    return [row.target for row in await connection.execute(sa.union(*unfinished))]


def _view(paused_at: float | None, told: Sequence[tuple[float, TargetStatus]]) -> TargetView:
    waits = [seen_at + status.wait for seen_at, status in told if status.condition != "running"]
    return TargetView(paused_at, tuple(status for _, status in told), min(waits, default=None))
