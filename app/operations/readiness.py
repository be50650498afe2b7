"""Operator status: the body of /ready on the admin socket, and the gauges of a scrape.

Neither waits long for a store that does not respond. They show its last figures, and how old those are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app import __version__
from app.operations.alerts import trouble
from app.operations.snapshot import SnapshotReader
from app.operations.state import State
from app.policies.limits import NEAR_LIMIT, Rate
from app.policies.usage import Budget
from app.runtime import Runtime
from app.settings import StoreSettings
from app.store.disk import Reserve
from app.store.snapshot import Survey
from app.telemetry.gauges import Levels, SpendingLevel

__all__ = ["ServiceFacts", "SnapshotReader", "State", "Status"]

PATIENCE = 1.0  # seconds that /ready waits for the store's figures
SCRAPE_PATIENCE = 0.05  # seconds that /metrics does
UNKNOWN = Survey({}, frozenset(), {})


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """The facts about a service that do not change while a configuration is in force."""

    config: str  # its version
    version: str  # of the service
    signature: str
    store: str  # "sqlite" or "postgresql"
    targets: Mapping[str, int]  # and how many deliveries may wait for each
    caps: Mapping[Budget, tuple[str | None, Rate]]  # every spending cap with its route, None: the one of all


def facts_of(runtime: Runtime, store: StoreSettings) -> ServiceFacts:
    """Return the facts of a configuration."""
    return ServiceFacts(
        config=runtime.version,
        version=__version__,
        signature=runtime.signature,
        store="sqlite" if store.file else "postgresql",
        targets={name: target.max_due for name, target in runtime.subscriptions.targets.items()},
        caps=runtime.policies.caps,
    )


@dataclass(frozen=True, slots=True)
class Status:
    """The status of one service, read from all its parts."""

    current_facts: Callable[[], ServiceFacts]
    state: State
    surveyor: SnapshotReader
    reserve: Reserve | None  # None: the disk is not ours to watch
    broken: Callable[[], frozenset[str]]  # targets that the breaker has paused
    chains: Callable[[], int]
    writes: Callable[[], int]
    lost_log_lines: Callable[[], int]
    log_works: Callable[[], bool]  # False: lines were lost, and none got out since

    @property
    def facts(self) -> ServiceFacts:
        """The facts of the configuration in force."""
        return self.current_facts()

    async def levels(self) -> Levels:
        """Return the gauges for a scrape."""
        age, found = await self._figures(SCRAPE_PATIENCE)
        room = self.reserve.look() if self.reserve else None
        return Levels(
            ready=self.state.was_ready,
            config={"config": self.facts.config, "version": self.facts.version, "signature": self.facts.signature},
            chains=self.chains(),
            writes=self.writes(),
            paused={name: self._paused_by(name, found) is not None for name in self.facts.targets},
            waiting={name: (backlog.count, backlog.oldest) for name, backlog in found.backlogs.items()},
            caps=self.facts.targets,
            spending=self._spending(found),
            disk=(room.free, room.reserve) if room else None,
            age=age,
        )

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return whether to send traffic here, and the body of /ready. Its `trouble` lists problems in sentences."""
        ready, store_fault = await self.state.ready(), await self.state.store_fault()
        age, found = await self._figures(PATIENCE)
        room = self.reserve.look() if self.reserve else None
        disk = {"free": room.free, "reserve": room.reserve, "enough": room.enough} if room else None
        store = {"kind": self.facts.store, "writable": store_fault is None, "fault": store_fault}
        body = {
            "stopping": self.state.stopping,
            "fault": self.state.fault,
            "config": self.facts.config,
            "failed_reload": self.state.failed_reload,
            "signature": self.facts.signature,
            "store": {**store, "writes_waiting": self.writes(), "disk": disk},
            "chains_in_flight": self.chains(),
            "paused_targets": [name for name in self.facts.targets if self._paused_by(name, found)],
            "targets": {name: self._target(name, found) for name in self.facts.targets},
            "spending": [_spending_fact(cap) for cap in self._spending(found) if _is_worth_telling(cap)],
            "lost_log_lines": self.lost_log_lines(),
            "log_works": self.log_works(),
            "surveyed": None if age is None else round(age, 1),  # seconds ago: what waits, what is spent
        }
        return ready, {"ready": ready, "trouble": list(trouble(body)), **body}

    async def local_trouble(self) -> list[str]:
        """Return the problems that only this process knows of: whether it can write, its disk, its log."""
        _, body = await self.ready()
        shared: dict[str, Any] = {
            "targets": {},
            "spending": (),
            "failed_reload": None,
            "signature": "",
        }  # `operations.status` has them
        return list(trouble({**body, **shared}))

    async def _figures(self, patience: float) -> tuple[float | None, Survey]:
        return await self.surveyor.look(patience) or (None, UNKNOWN)

    def _paused_by(self, name: str, found: Survey) -> str | None:
        """Return who has paused a target, or None. The operator comes first: a target that an operator paused is not
        probed.
        """
        return "operator" if name in found.paused else "breaker" if name in self.broken() else None

    def _target(self, name: str, found: Survey) -> dict[str, Any]:
        by, backlog = self._paused_by(name, found), found.backlogs.get(name)
        count, oldest = (backlog.count, round(backlog.oldest, 1)) if backlog else (None, None)
        full = backlog is not None and backlog.count >= self.facts.targets[name]
        return {"paused": by is not None, "by": by, "waiting": count, "oldest": oldest, "full": full}

    def _spending(self, found: Survey) -> tuple[SpendingLevel, ...]:
        return tuple(
            SpendingLevel(route, str(rate).partition("/")[2], rate.count, found.spent[cap])
            for cap, (route, rate) in self.facts.caps.items()
            if cap in found.spent
        )


def _spending_fact(cap: SpendingLevel) -> dict[str, Any]:
    return {"route": cap.route, "window": cap.window, "limit": cap.limit, "spent": cap.spent}


def _is_worth_telling(cap: SpendingLevel) -> bool:
    """Return whether to show a spending cap: all caps of all routes, and those of single routes that are nearly
    reached.
    """
    return cap.route is None or cap.spent >= NEAR_LIMIT * cap.limit
