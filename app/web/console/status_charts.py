"""The charts of the status page, from statistics."""

from dataclasses import dataclass
from datetime import tzinfo

from app.operations.statistics import Statistics
from app.web.console.charts import Chart, Series

MESSAGES = ("message", "messages")
WITHIN = {0.1: "within 0.1 s", 1.0: "within 1 s", 6.0: "within 6 s", None: "later, at another call"}


@dataclass(frozen=True, slots=True)
class StatusCharts:
    """The charts, each under its heading. `silences` holds one for each kind that occurred, on the same scale."""

    messages: Chart
    silences: tuple[Chart, ...]
    latency: Chart
    failures: Chart
    attempts: Chart
    dead: Chart


def status_charts(found: Statistics, zone: tzinfo) -> StatusCharts:
    """Return the charts of a span, in the time zone of the browser."""
    slots = found.slots

    def chart(key: str, title: str, unit: tuple[str, str], *series: Series) -> Chart:
        return Chart(key, title, unit, series, slots, zone)

    outcomes = (
        Series("answered", found.answered),
        Series("silent by decision", found.silent),
        Series("given up", found.gave_up),
        Series("not answered yet", found.pending),
    )
    latency = (Series(name, found.within[limit]) for limit, name in WITHIN.items())
    attempts = Series("accepted", found.accepted), Series("failed", found.failed)
    return StatusCharts(
        chart("messages", "Messages", MESSAGES, *outcomes),
        _silences(found, zone),
        chart("latency", "Answers by the time that they took", ("answer", "answers"), *latency),
        chart("failures", "Calls on which rules failed", ("call", "calls"), Series("failed", found.failed_calls)),
        chart("attempts", "Attempts to deliver to targets", ("attempt", "attempts"), *attempts),
        chart("dead", "Deliveries that ended as dead", ("delivery", "deliveries"), Series("dead", found.dead)),
    )


def _silences(found: Statistics, zone: tzinfo) -> tuple[Chart, ...]:
    highest = max(max(counts) for counts in found.silences.values())
    return tuple(
        Chart(f"silence-{place}", kind, MESSAGES, (Series("silent", counts),), found.slots, zone, highest)
        for place, (kind, counts) in enumerate(found.silences.items())
        if any(counts)
    )
