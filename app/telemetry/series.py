"""Counters and histograms as plain numbers, converted to Prometheus' own types at a scrape.

prometheus_client takes a lock for each event. Here an event is an addition in a dict. This is safe because only the
event loop's thread counts. A scrape reads copies, and may do so in any thread.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]  # values, in the order of the family's label names
Counts = defaultdict[Labels, int]


@dataclass(frozen=True, slots=True)
class Counter:
    """One series of a family of counters, for code that counts it often."""

    counts: Counts
    labels: Labels

    def inc(self) -> None:
        """Add one."""
        self.counts[self.labels] += 1


class Histogram:
    """A family of histograms with the same upper bounds. A series exists once it is mentioned."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        # A count for each bucket, the last without an upper bound, and then the sum of the observed values.
        self._series: defaultdict[Labels, list[float]] = defaultdict(lambda: [0] * (len(bounds) + 2))

    def add(self, labels: Labels) -> None:
        """Start a series at zero."""
        self._series[labels]  # a defaultdict creates it when read

    def observe(self, value: float, labels: Labels = ()) -> None:
        """Count a value. A bucket includes values equal to its bound."""
        series = self._series[labels]
        series[bisect_left(self._bounds, value)] += 1
        series[-1] += value

    def collect(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        """Yield for each series its labels, its cumulative buckets, and its sum."""
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for labels, series in self._series.copy().items():
            *buckets, total = series.copy()
            yield labels, list(zip(bounds, accumulate(buckets), strict=True)), total


@dataclass(frozen=True, slots=True, eq=False)
class Families(Collector):
    """The collector of all families of one service."""

    prefix: str
    _families: list[Callable[[], Metric]] = field(default_factory=list)

    def counter(self, name: str, what: str, *labels: str) -> Counts:
        """Return the counts of a new family. A series exists once it is in there."""
        counts: Counts = defaultdict(int)

        def family() -> Metric:
            metric = CounterMetricFamily(f"{self.prefix}{name}", what, labels=labels)
            for values, count in counts.copy().items():
                metric.add_metric(values, count)
            return metric

        self._families.append(family)
        return counts

    def histogram(self, name: str, what: str, bounds: Sequence[float], *labels: str) -> Histogram:
        """Return a new family of histograms."""
        histogram = Histogram(bounds)

        def family() -> Metric:
            metric = HistogramMetricFamily(f"{self.prefix}{name}", what, labels=labels)
            for values, buckets, total in histogram.collect():
                metric.add_metric(values, buckets, total)
            return metric

        self._families.append(family)
        return histogram

    def callback(self, name: str, what: str, count: Callable[[], int]) -> None:
        """Add a counter whose value is read at each scrape."""
        self._families.append(lambda: CounterMetricFamily(f"{self.prefix}{name}", what, value=count()))

    def collect(self) -> Iterator[Metric]:
        """Yield each family with its current values."""
        return (family() for family in self._families)
