"""Plain numbers as Prometheus' counters and histograms."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from support import scrape

from app.telemetry.series import Families


def _page(families: Families) -> scrape.Series:
    registry = CollectorRegistry()
    registry.register(families)
    return scrape.series(generate_latest(registry).decode())


def test_events_during_a_scrape() -> None:
    """The event loop may begin a series while a scrape reads in another thread: the next scrape has it."""
    families = Families("test_")
    counts = families.counter("events", "Events.", "kind")
    times = families.histogram("seconds", "Seconds.", (1.0,), "kind")

    class Interrupted(tuple[str, ...]):
        """Labels during whose reading something is counted."""

        __slots__ = ()

        def __iter__(self) -> Iterator[str]:
            counts[(f"kind {len(counts)}",)] += 1
            times.observe(0.5, (f"kind {len(counts)}",))
            return super().__iter__()

    counts[Interrupted(["first"])] += 1
    times.observe(0.5, Interrupted(["first"]))
    assert scrape.value(_page(families), "events_total", "test_", kind="first") == 1
    found = _page(families)
    for kind in ("first", "kind 1", "kind 2"):
        assert scrape.value(found, "events_total", "test_", kind=kind) == 1
    assert scrape.value(found, "seconds_count", "test_", kind="first") == 1
    assert scrape.value(found, "seconds_count", "test_", kind="kind 2") == 1


@pytest.mark.parametrize(
    ("value", "buckets"),
    [(-1, [1, 1, 1]), (1, [1, 1, 1]), (1.0001, [0, 1, 1]), (10, [0, 1, 1]), (11, [0, 0, 1])],
)
def test_a_bucket_holds_its_bound(value: float, buckets: list[int]) -> None:
    """`le` is "less or equal"; buckets are cumulative; integers read as floats, as Prometheus writes them."""
    families = Families("test_")
    families.histogram("size", "Sizes.", (1, 10)).observe(value)
    found = _page(families)
    assert [scrape.value(found, "size_bucket", "test_", le=bound) for bound in ("1.0", "10.0", "+Inf")] == buckets
    assert scrape.value(found, "size_sum", "test_") == value


def test_a_callback_is_asked_at_each_scrape() -> None:
    """A number that is kept elsewhere."""
    numbers = iter([3, 5])
    families = Families("test_")
    families.callback("lost", "Lost.", lambda: next(numbers))
    assert scrape.value(_page(families), "lost_total", "test_") == 3
    assert scrape.value(_page(families), "lost_total", "test_") == 5
