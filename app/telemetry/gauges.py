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

        self._config = Info(
            "autoreply_config", "The configuration in force, and the version of the service.", registry=registry
        )
        self._ready = gauge("ready", "1 if /ready returns 200, 0 if not.")
        self._chains = gauge("chains_in_flight", "Messages whose rules are running.")
        self._writes = gauge("store_writes_waiting", "Writes waiting for the next commit.")
        self._age = gauge("survey_age_seconds", "Time since the store was last read for backlogs and spending.")
        self._paused = gauge("target_paused", "1 while a target is paused, by an operator or after failures.", "target")
        self._due = gauge("deliveries_due", "Deliveries waiting to be sent.", "target")
        self._caps = gauge("deliveries_due_limit", "The most deliveries that may wait (max_due).", "target")
        self._oldest = gauge(
            "deliveries_oldest_seconds", "Age of the oldest waiting delivery, 0 if there is none.", "target"
        )
        self._spent = gauge("spending_units", "SMS units spent within the window of a spending cap.", "route", "window")
        self._limit = gauge(
            "spending_limit_units", "SMS units that a spending cap allows within its window.", "route", "window"
        )
        self._free = gauge("disk_free_bytes", "Free space on the disk of the store.")
        self._reserve = gauge("disk_reserve_bytes", "Free space below which new reports are refused.")

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
