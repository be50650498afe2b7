"""The service's Prometheus metrics, with all their names and labels.

G12: a label is a route, a rule, a target, or a word from a fixed list; never a number, a text or a URL. So no
request can create a series. Names start with `autoreply_`, and units are seconds and bytes. Each service has its own
registry. Events are counted here as they happen. Levels, such as a backlog or disk space, are in `gauges.py` and set
before each scrape.

Counting is an addition without a lock, so it is done only on the event loop's thread. The store's writer also calls
`committed` there, once its own thread has returned. `Metrics.text` may be called in any thread.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from app.plivo.messages import STATUSES
from app.telemetry.series import Counter, Families, Histogram

NONE = "(none)"  # the name of a route cannot contain brackets
OTHER = "other"
EAGER = 200  # the most routes whose series all begin at 0; of more, each begins with its first event

OUTCOMES = ("answered", "silence", "failed", "given_up", "repeat")  # of a call for a message
LIMITS = ("per_sender", "same_text", "total")
SETTLED = {"done": "done", "due": "again", "dead": "dead"}  # state of a delivery after an attempt: label
SIGNERS = ("V3", "Ma-V3", "V2", "Ma-V2", "nobody")
ENDPOINTS = ("message", "report")
REFUSALS = {  # `Refused.label`: status
    "malformed": 400, "unsigned": 403, "forged": 403, "reused": 403, "method": 405, "slow_body": 408,
    "large_body": 413, "media_type": 415, "fault": 500, "unavailable": 503, "rule_failed": 503, "deadline": 503,
    "busy": 503, "disk": 503,
}  # fmt: skip
NOT_FOUND = "not_found"  # a call with a signature to a path that is not served
DROPPED = ("connections", "held_bytes", "head_size", "head_seconds", "pipelining", "bad_request")

ANSWER_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 7.5, 8.0)  # 6: our deadline; 8: Plivo's
POST_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # the longest timeout of a target is 60
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
GROUP_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class TargetMetrics:
    """The series of one target."""

    post_seconds: Histogram
    name: str
    settled: Mapping[str, Counter]  # by the state of the delivery
    capped: Counter  # new deliveries stored as dead, because too many waited for the target

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Measure how long one POST takes, whatever its outcome."""
        started_at = time.perf_counter()
        try:
            yield
        finally:
            self.post_seconds.observe(time.perf_counter() - started_at, (self.name,))


class Metrics:
    """The metrics of one service.

    Series known at the start begin at 0, so that the first event shows as an increase.
    """

    def __init__(
        self,
        routes: Sequence[str] = (),
        targets: Iterable[str] = (),
        lost_log_lines: Callable[[], int] = lambda: 0,
    ) -> None:
        families = Families("autoreply_")
        families.callback("lost_log_lines", "Log lines that could not be written.", lost_log_lines)
        self._add_messages(families, (*routes, NONE))
        self._add_calls(families)
        self._add_deliveries(families)
        self._add_store(families)
        self._targets = {name: self._target(name) for name in targets}
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.registry.register(families)

    def text(self) -> tuple[bytes, str]:
        """Return the page for scrapers, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4

    def message(self, route: str | None, outcome: str, units: int = 0) -> None:
        """Count a call for a message by its outcome, one of `OUTCOMES`, and the SMS units that Plivo bills for it."""
        self._messages[route or NONE, outcome] += 1
        self._units[(route or NONE,)] += units

    def rule_failed(self, route: str | None, rule: str) -> None:
        """Count a rule that raised, took too long, or returned something invalid."""
        self._rules[route or NONE, rule] += 1

    def limited(self, route: str | None, reason: str) -> None:
        """Count a reply that a limit prevented. `reason` is that of the journal: `limit: same_text 4/1h`."""
        name = reason.removeprefix("limit: ").partition(" ")[0]
        self._limits[route or NONE, name if name in LIMITS else OTHER] += 1

    def opted(self, route: str | None, *, out: bool) -> None:
        """Count an opt-out, or the end of one, by a message or a report."""
        self._opt_outs[route or NONE, "out" if out else "in"] += 1

    def served(self, endpoint: str, signed_by: str, seconds: float) -> None:
        """Count a call whose signature was accepted, and how long it took, whatever its status."""
        signer = signed_by or "nobody"
        self._accepted[endpoint, signer if signer in SIGNERS else OTHER] += 1
        self._answer_seconds.observe(seconds, (endpoint,))

    def refused(self, endpoint: str, label: str) -> None:
        """Count a call that was refused; `label` is one of `REFUSALS`."""
        label = label if label in REFUSALS else OTHER
        self._refused[endpoint, str(REFUSALS.get(label, OTHER)), label] += 1

    def not_found(self) -> None:
        """Count a call with a signature header to a path that is not served."""
        self._refused[NONE, "404", NOT_FOUND] += 1

    def dropped(self, reason: str) -> None:
        """Count a connection that was closed or refused; `reason` is one of `DROPPED`."""
        self._dropped[(reason if reason in DROPPED else OTHER,)] += 1

    def reloaded(self, outcome: str) -> None:
        """Count a reload of the configuration; `outcome` is "done" or "failed"."""
        self._reloads[(outcome,)] += 1

    def v2_beside_v3(self) -> None:
        """Count a call that was accepted by its V2 signature although its V3 signature did not match."""
        self._v2_beside_v3[()] += 1

    def report(self, status: str) -> None:
        """Count a delivery report that was stored."""
        self._reports[(status if status in STATUSES else OTHER,)] += 1

    def target(self, name: str) -> TargetMetrics:
        """Return the metrics of a target."""
        return self._targets.get(name) or self._targets.setdefault(name, self._target(name))

    def committed(self, size: int, seconds: float) -> None:
        """Count a commit of the store: how many writes shared it, and how many seconds it took."""
        self._group_size.observe(size)
        self._commit_seconds.observe(seconds)

    def _add_messages(self, families: Families, routes: Sequence[str]) -> None:
        counter = families.counter
        self._messages = counter("messages", "Calls for inbound messages, by outcome.", "route", "outcome")
        self._units = counter("reply_units", "SMS units of replies, as Plivo bills them.", "route")
        self._rules = counter("rule_failures", "Failures of rules.", "route", "rule")
        self._limits = counter("limited", "Replies suppressed by a limit.", "route", "limit")
        self._opt_outs = counter("opt_outs", "Opt-outs and opt-ins, by message or report.", "route", "change")
        if len(routes) <= EAGER:
            self._units.update(dict.fromkeys(product(routes), 0))
            self._opt_outs.update(dict.fromkeys(product(routes, ("out", "in")), 0))
            self._limits.update(dict.fromkeys(product(routes, LIMITS), 0))
            self._messages.update(dict.fromkeys(product(routes, OUTCOMES), 0))

    def _add_calls(self, families: Families) -> None:
        counter = families.counter
        self._accepted = counter("accepted", "Accepted calls, by the signature that matched.", "endpoint", "signed_by")
        self._refused = counter("refused", "Refused calls, by status and reason.", "endpoint", "status", "reason")
        self._reloads = counter("reloads", "Reloads of the configuration, by outcome.", "outcome")
        self._reloads.update(dict.fromkeys((("done",), ("failed",)), 0))
        self._v2_beside_v3 = counter("v2_beside_v3", "Calls accepted by V2 although V3 did not match.")
        what = "Duration of signed calls."
        self._answer_seconds = families.histogram("answer_seconds", what, ANSWER_SECONDS, "endpoint")
        self._dropped = counter("connections_dropped", "Connections closed at a limit.", "reason")
        for endpoint in ENDPOINTS:
            self._answer_seconds.add((endpoint,))
            for label, status in REFUSALS.items():
                self._refused[endpoint, str(status), label] = 0
        self._refused[NONE, "404", NOT_FOUND] = 0
        self._v2_beside_v3[()] = 0
        self._dropped.update(dict.fromkeys(product(DROPPED), 0))

    def _add_deliveries(self, families: Families) -> None:
        counter = families.counter
        self._reports = counter("reports", "Delivery reports stored, repeats included.", "status")
        self._deliveries = counter("deliveries", "Delivery attempts, by outcome.", "target", "outcome")
        what = "New deliveries stored as dead because the target's queue was full."
        self._capped = counter("deliveries_capped", what, "target")
        self._post_seconds = families.histogram(
            "post_seconds", "Duration of POSTs to a target.", POST_SECONDS, "target"
        )
        self._reports.update(dict.fromkeys(product((*STATUSES, OTHER)), 0))

    def _target(self, name: str) -> TargetMetrics:
        settled = {state: Counter(self._deliveries, (name, outcome)) for state, outcome in SETTLED.items()}
        self._deliveries.update(dict.fromkeys(product((name,), SETTLED.values()), 0))
        self._capped[(name,)] = 0
        self._post_seconds.add((name,))
        return TargetMetrics(self._post_seconds, name, settled, Counter(self._capped, (name,)))

    def _add_store(self, families: Families) -> None:
        what = "Writes that shared one commit."
        self._group_size = families.histogram("store_group_size", what, GROUP_SIZES)
        self._commit_seconds = families.histogram("store_commit_seconds", "Duration of a commit.", COMMIT_SECONDS)
        self._group_size.add(())
        self._commit_seconds.add(())
