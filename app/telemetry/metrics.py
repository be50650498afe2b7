"""What the service counts, for Prometheus. The only module that knows prometheus_client, and every name and label.

G12: a label is a route, a rule, a target, or a word of a fixed list; never a number, a text or a URL. So nobody
outside can make a new series. Names are `autoreply_*`, in seconds and bytes. Each service has a registry of its own.
What happens is counted here as it happens; what is, a backlog or a disk, is in `gauges.py`, set before each scrape.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from app.plivo.messages import STATUSES

NOBODY = "(none)"  # no name of a route has brackets
OTHER = "other"
EAGER = 200  # routes whose series begin at 0; of more, each begins with its first event, or a scrape would grow long

OUTCOMES = ("answered", "silence", "failed", "given_up", "repeat")  # of a call for a message
LIMITS = ("per_sender", "same_text", "total")
SETTLED = {"done": "done", "due": "again", "dead": "dead"}  # a delivery's state after an attempt: its label
SIGNERS = ("V3", "Ma-V3", "V2", "Ma-V2", "nobody")
ENDPOINTS = ("message", "report")
REFUSALS = {  # `Refused.label`: its status
    "malformed": 400, "unsigned": 403, "forged": 403, "reused": 403, "method": 405, "slow_body": 408,
    "large_body": 413, "media_type": 415, "fault": 500, "unavailable": 503, "rule_failed": 503, "deadline": 503,
    "busy": 503, "disk": 503,
}  # fmt: skip
NOT_FOUND = "not_found"  # a refusal of a call that carries a signature, on a path that is no endpoint
DROPPED = ("connections", "held_bytes", "head_size", "head_seconds", "pipelining", "bad_request")

ANSWER_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 7.5, 8.0)  # the deadline; Plivo's
POST_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # a target's timeout is 60 at most
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
GROUP_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call] # else each series has a second one that tells when it was born

M = TypeVar("M", Counter, Histogram)


class Children(Generic[M]):
    """A metric's children by their labels: `labels()` of the library takes a lock and builds strings each time."""

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}

    def __call__(self, *labels: str) -> M:
        """The child; it is there, at 0, from the first call on."""
        try:
            return self._children[labels]
        except KeyError:
            return self._children.setdefault(labels, self._metric.labels(*labels))


@dataclass(frozen=True, slots=True)
class TargetMetrics:
    """Of one target."""

    post_seconds: Histogram
    settled: Mapping[str, Counter]  # by the delivery's state
    capped: Counter  # new deliveries that were dead at once, for the target had too many

    def posting(self) -> AbstractContextManager[object]:
        """Times one POST, whatever becomes of it."""
        return self.post_seconds.time()


@dataclass(frozen=True, slots=True)
class LostLogLines(Collector):
    """Asks the log at each scrape; it keeps the count itself, for it also works without a service."""

    count: Callable[[], int]

    def collect(self) -> Iterable[prometheus.Metric]:
        """Yield the one counter."""
        what = "Log lines that could not be written."
        yield CounterMetricFamily("autoreply_lost_log_lines", what, value=self.count())


class Metrics:
    """Of one service. What it is told of at once begins at 0, so that the first event of each is an increase."""

    def __init__(
        self,
        routes: Sequence[str] = (),
        targets: Iterable[str] = (),
        lost_log_lines: Callable[[], int] = lambda: 0,
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        prometheus.ProcessCollector(registry=self.registry)
        self.registry.register(LostLogLines(lost_log_lines))
        self._of_messages(self._counter, (*routes, NOBODY))
        self._of_calls(self._counter)
        self._of_deliveries(self._counter)
        self._of_the_store()
        self._targets = {name: self._target(name) for name in targets}

    def text(self) -> tuple[bytes, str]:
        """The page, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4

    def message(self, route: str | None, outcome: str) -> None:
        """A call for a message came to one of `OUTCOMES`."""
        self._messages(route or NOBODY, outcome).inc()

    def replied(self, route: str | None, units: int) -> None:
        """What Plivo bills for an answer."""
        self._units(route or NOBODY).inc(units)

    def rule_failed(self, route: str | None, rule: str) -> None:
        """A rule raised, was late, or said what cannot be sent."""
        self._rules(route or NOBODY, rule).inc()

    def limited(self, route: str | None, reason: str) -> None:
        """An answer was silenced; `reason` is the journal's: `limit: same_text 4/1h`."""
        name = reason.removeprefix("limit: ").partition(" ")[0]
        self._limits(route or NOBODY, name if name in LIMITS else OTHER).inc()

    def opted(self, route: str | None, *, out: bool) -> None:
        """Somebody opted out, or in again, by a message or a report."""
        self._opt_outs(route or NOBODY, "out" if out else "in").inc()

    def accepted(self, endpoint: str, signed_by: str) -> None:
        """A call was accepted."""
        signer = signed_by or "nobody"
        self._accepted(endpoint, signer if signer in SIGNERS else OTHER).inc()

    def refused(self, endpoint: str, label: str) -> None:
        """A call was turned away; `label` is one of `REFUSALS`."""
        label = label if label in REFUSALS else OTHER
        self._refused(endpoint, str(REFUSALS.get(label, OTHER)), label).inc()

    def not_found(self) -> None:
        """A call with a signature header came to a path that is not served."""
        self._refused(NOBODY, "404", NOT_FOUND).inc()

    def dropped(self, reason: str) -> None:
        """A connection was closed, or refused; `reason` is one of `DROPPED`."""
        self._dropped(reason if reason in DROPPED else OTHER).inc()

    def answered_in(self, endpoint: str, seconds: float) -> None:
        """How long a signed call took, one that got 503 too."""
        self._answer_seconds(endpoint).observe(seconds)

    def beside(self) -> None:
        """A V2 signature was accepted beside a V3 that did not match."""
        self._beside.inc()

    def report(self, status: str) -> None:
        """A report is on disk."""
        self._reports(status if status in STATUSES else OTHER).inc()

    def target(self, name: str) -> TargetMetrics:
        """Of a target."""
        return self._targets.get(name) or self._targets.setdefault(name, self._target(name))

    def committed(self, size: int, seconds: float) -> None:
        """The store wrote so many items at once."""
        self._group_size.observe(size)
        self._commit_seconds.observe(seconds)

    def _of_messages(self, counter: "_Counters", routes: Sequence[str]) -> None:
        self._messages = counter("messages", "Calls for a message, by what they came to.", "route", "outcome")
        self._units = counter("reply_units", "SMS units of answers, as Plivo bills them.", "route")
        self._rules = counter("rule_failures", "Rules that failed when they were asked.", "route", "rule")
        self._limits = counter("limited", "Answers that a limit silenced.", "route", "limit")
        self._opt_outs = counter("opt_outs", "Opt-outs, and their ends, by a message or a report.", "route", "change")
        for route in routes if len(routes) <= EAGER else ():
            self._units(route)
            for change in ("out", "in"):
                self._opt_outs(route, change)
            for limit in LIMITS:
                self._limits(route, limit)
            for outcome in OUTCOMES:
                self._messages(route, outcome)

    def _of_calls(self, counter: "_Counters") -> None:
        self._accepted = counter("accepted", "Accepted calls, by the signature that matched.", "endpoint", "signed_by")
        self._refused = counter("refused", "Calls that were turned away.", "endpoint", "status", "reason")
        what = "V2 signatures that were accepted beside a V3 that did not match."
        self._beside = Counter("autoreply_v2_beside_v3", what, registry=self.registry)
        seconds = self._histogram("answer_seconds", "How long signed calls took.", ANSWER_SECONDS, "endpoint")
        self._answer_seconds = Children(seconds)
        for endpoint in ENDPOINTS:
            self._answer_seconds(endpoint)
            for label, status in REFUSALS.items():
                self._refused(endpoint, str(status), label)
        self._refused(NOBODY, "404", NOT_FOUND)
        self._dropped = counter("connections_dropped", "Connections that were closed at a limit.", "reason")
        for reason in DROPPED:
            self._dropped(reason)

    def _of_deliveries(self, counter: "_Counters") -> None:
        self._reports = counter("reports", "Reports on disk, Plivo's repeats counted again.", "status")
        self._deliveries = counter("deliveries", "Attempts to deliver, by what they came to.", "target", "outcome")
        what = "New deliveries that were dead at once: the target had too many waiting."
        self._capped = counter("deliveries_capped", what, "target")
        self._post_seconds = Children(self._histogram("post_seconds", "How long POSTs took.", POST_SECONDS, "target"))
        for status in (*STATUSES, OTHER):
            self._reports(status)

    def _target(self, name: str) -> TargetMetrics:
        settled = {state: self._deliveries(name, label) for state, label in SETTLED.items()}
        return TargetMetrics(self._post_seconds(name), settled, self._capped(name))

    def _of_the_store(self) -> None:
        self._group_size = self._histogram("store_group_size", "Writes that shared one commit.", GROUP_SIZES)
        self._commit_seconds = self._histogram("store_commit_seconds", "How long groups took.", COMMIT_SECONDS)

    def _counter(self, name: str, what: str, *labels: str) -> Children[Counter]:
        return Children(Counter(f"autoreply_{name}", what, labels, registry=self.registry))

    def _histogram(self, name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"autoreply_{name}", what, labels, buckets=buckets, registry=self.registry)


_Counters = Callable[..., Children[Counter]]
