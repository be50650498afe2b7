"""Gauges: the backlogs, spending, disk space and configuration at the time of a scrape."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Gauge, Info

ALL = "(all)"  # all routes; the name of a route cannot contain brackets


@dataclass(frozen=True, slots=True)
class SpendingLevel:
    """The SMS units spent of a spending cap. `route` None is the cap of all routes."""

    route: str | None
    window: str  # "1d"
    limit: int
    spent: int


@dataclass(frozen=True, slots=True)
class Levels:
    """The values of all gauges. None means unknown: the gauge keeps its last value."""

    ready: bool
    config: Mapping[str, str]
    chains: int
    writes: int
    paused: Mapping[str, bool]  # target: whether it only gets probes
    waiting: Mapping[str, tuple[int, float]] = field(default_factory=dict)  # target: deliveries, age of the oldest
    caps: Mapping[str, int] = field(default_factory=dict)  # target: how many deliveries may wait
    spending: tuple[SpendingLevel, ...] = ()
    disk: tuple[int, int] | None = None  # bytes free, bytes of the reserve
    age: float | None = None  # seconds since the store was read


class Gauges:
    """The gauges of one service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"autoreply_{name}", what, labels, registry=registry)

        self._config = Info("autoreply_config", "The config in force, and the service.", registry=registry)
        self._ready = gauge("ready", "Whether /ready says yes.")
        self._chains = gauge("chains_in_flight", "Messages whose rules are being asked.")
        self._writes = gauge("store_writes_waiting", "Writes that wait for the next commit.")
        self._age = gauge("survey_age_seconds", "How old the figures are that the store is asked for.")
        self._paused = gauge("target_paused", "Whether nothing but probes goes to a target.", "target")
        self._due = gauge("deliveries_due", "Deliveries that are neither done nor dead.", "target")
        self._caps = gauge("deliveries_due_limit", "So many may be; new ones beyond are dead at once.", "target")
        self._oldest = gauge("deliveries_oldest_seconds", "Age of the oldest of them; 0 if there is none.", "target")
        self._spent = gauge("spending_units", "SMS units spent in the window of a cap.", "route", "window")
        self._limit = gauge("spending_limit_units", "SMS units that a cap allows in its window.", "route", "window")
        self._free = gauge("disk_free_bytes", "Free space where the store is.")
        self._reserve = gauge("disk_reserve_bytes", "Below so much of it new reports are refused.")

    def show(self, levels: Levels) -> None:
        """Set the gauges to these levels."""
        self._config.info(dict(levels.config))
        self._ready.set(levels.ready)
        self._chains.set(levels.chains)
        self._writes.set(levels.writes)
        for target, paused in levels.paused.items():
            self._paused.labels(target).set(paused)
        for target, (count, oldest) in levels.waiting.items():
            self._due.labels(target).set(count)
            self._oldest.labels(target).set(oldest)
        for target, cap in levels.caps.items():
            self._caps.labels(target).set(cap)
        for level in levels.spending:
            self._spent.labels(level.route or ALL, level.window).set(level.spent)
            self._limit.labels(level.route or ALL, level.window).set(level.limit)
        if levels.disk is not None:
            self._free.set(levels.disk[0])
            self._reserve.set(levels.disk[1])
        if levels.age is not None:
            self._age.set(levels.age)
