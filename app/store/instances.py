"""The running servers in rows: how each of their targets does, and what operators ask of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.delivery.queue import TargetStatus
from app.store.database import insert_or, now
from app.store.reading import reading
from app.store.schema import instances, pauses, probe_requests
from app.store.writer import Writer

ALIVE = 15.0  # seconds: a server that has not written for so long has died; it writes every 5
FORGOTTEN = 3600.0  # seconds until somebody deletes its row


@dataclass(frozen=True, slots=True)
class Statuses:
    """What one server tells."""

    instance: str
    targets: Mapping[str, TargetStatus]


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target as all servers that run see it. Times are seconds since the epoch."""

    paused_at: float | None = None  # by an operator
    statuses: tuple[TargetStatus, ...] = ()  # one a server
    next_attempt: float | None = None  # of a target that is waited for; past: as soon as something is due

    @property
    def failing(self) -> int:
        """On how many servers the breaker has paused it."""
        return sum(status.condition == "failing" for status in self.statuses)

    @property
    def busy(self) -> int:
        """On how many servers it is left alone for a while, as it asked."""
        return sum(status.condition == "busy" for status in self.statuses)


class StoredInstances:
    """`reports.outbox.Instances` of one server on a database."""

    def __init__(self, engine: AsyncEngine, writer: Writer, identity: str) -> None:
        self._engine = engine
        self._writer = writer
        self._identity = identity

    async def write(self, statuses: Mapping[str, TargetStatus]) -> None:
        """See `Instances.write`."""
        await self._writer.submit(write, Statuses(self._identity, statuses))

    async def leave(self) -> None:
        """See `Instances.leave`."""
        await self._writer.submit(leave, self._identity)

    async def probe_requests(self) -> Mapping[str, float]:
        """See `Instances.probe_requests`."""
        query = sa.select(probe_requests.c.target, probe_requests.c.asked_at)
        async with reading(self._engine) as connection:
            return {row.target: row.asked_at for row in await connection.execute(query)}


def write(connection: sa.Connection, told: Sequence[Statuses]) -> list[None]:
    """The newest word of each server, and no more of those that are long gone."""
    statement = insert_or(instances, lambda new: {"seen_at": new.seen_at, "targets": new.targets})
    for one in told:
        targets = json.dumps({name: asdict(status) for name, status in one.targets.items()})
        connection.execute(statement.values(id=one.instance, seen_at=now(), targets=targets))
    connection.execute(sa.delete(instances).where(instances.c.seen_at < now() - FORGOTTEN))
    return [None] * len(told)


def leave(connection: sa.Connection, identities: Sequence[str]) -> list[None]:
    """These servers run no more."""
    connection.execute(sa.delete(instances).where(instances.c.id.in_(identities)))
    return [None] * len(identities)


async def list_targets(engine: AsyncEngine) -> dict[str, TargetView]:
    """Every target that a server tells of, or that an operator has paused. Raises `Unavailable`."""
    alive = sa.select(instances.c.seen_at, instances.c.targets).where(instances.c.seen_at >= now() - ALIVE)
    async with reading(engine) as connection:
        paused = {row.target: row.paused_at for row in await connection.execute(sa.select(pauses))}
        rows = (await connection.execute(alive.order_by(instances.c.id))).all()
    told: dict[str, list[tuple[float, TargetStatus]]] = {name: [] for name in paused}
    for row in rows:
        for name, status in json.loads(row.targets).items():
            told.setdefault(name, []).append((row.seen_at, TargetStatus(**status)))
    return {name: _view(paused.get(name), statuses) for name, statuses in sorted(told.items())}


def _view(paused_at: float | None, told: Sequence[tuple[float, TargetStatus]]) -> TargetView:
    waits = [seen_at + status.wait for seen_at, status in told if status.condition != "running"]
    return TargetView(paused_at, tuple(status for _, status in told), min(waits, default=None))
