"""metrics.md: every metric with its type, labels and meaning, from the registry of a real service's metrics."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from app.plivo.messages import STATUSES
from app.telemetry.gauges import Gauges, Levels, SpendingLevel
from app.telemetry.metrics import DROPPED, LIMITS, NONE, NOT_FOUND, OUTCOMES, REFUSALS, SETTLED, SIGNERS, Metrics
from generate.tables import codes, table

HEAD = """\
<!-- Made from app/telemetry/ and docs/generate/metrics.py. Edit those, then: make reference -->

# Metrics

`/metrics` on the [admin socket](../how-to/monitor.md) has the Prometheus text format. A counter ends in `_total`, a
histogram has `_bucket`, `_sum` and `_count`. Units are seconds and bytes.

Labels are names from your file and words from fixed lists, so no request can create a series.

"""

NOTES = """
Route `(none)` stands for messages to a number without a route, route `(all)` for the spending cap of all routes.

Series that are known at the start begin at 0. With more than 200 routes, the series of a route begin with its first
event.

## Several processes on one store

Counters and histograms belong to a process: sum them. Backlogs and spending belong to the store, and every process
reports the same: take the maximum. Each process has a circuit breaker of its own.
"""

REFUSED = {
    "malformed": "not a message or report that Plivo would send",
    "unsigned": "no signature that can be checked",
    "forged": "no token matches a signature; the log says what would have matched",
    "reused": "a signature that was used for other content (G2)",
    "method": "neither GET nor POST",
    "slow_body": "the body was not complete within `deadline`",
    "large_body": "the body is over `body_limit`",
    "media_type": "the body is not a form",
    "fault": "an unhandled exception; the log has it",
    "unavailable": "the store cannot write",
    "rule_failed": "no rule answered and one failed: Plivo calls again",
    "deadline": "no answer within `deadline`: Plivo calls again",
    "busy": "too many unfinished requests hold memory",
    "disk": "less than `[store] reserve` is free; reports only",
    NOT_FOUND: "a call with a Plivo signature to a path that is not served; its endpoint is `(none)`",
}

WORDS: dict[tuple[str, str], tuple[Iterable[str], dict[str, str]]] = {
    ("autoreply_messages_total", "outcome"): (
        OUTCOMES,
        {
            "answered": "a reply was sent",
            "silence": "no reply, on purpose; `history` has the reason",
            "failed": "rules failed: 503, Plivo calls again",
            "given_up": "no reply, because rules failed on all four calls",
            "repeat": "a call that got the answer of another call",
        },
    ),
    ("autoreply_refused_total", "reason"): ((*REFUSALS, NOT_FOUND), REFUSED),
    ("autoreply_accepted_total", "signed_by"): (
        SIGNERS,
        {
            "V3": "the signature header that matched",
            "Ma-V3": "the same, made with the main account's token",
            "V2": "only V2 matched, which does not cover the content",
            "Ma-V2": "the same, made with the main account's token",
            "nobody": 'accepted without a signature (`signature = "log-only"`)',
        },
    ),
    ("autoreply_deliveries_total", "outcome"): (
        SETTLED.values(),
        {
            "done": "the target accepted it",
            "again": "it is attempted again later",
            "dead": "it was the last attempt; `deliveries replay` sends it again",
        },
    ),
    ("autoreply_limited_total", "limit"): (
        LIMITS,
        {
            "per_sender": "replies to one person",
            "same_text": "replies to the same text from one person",
            "total": "a spending cap",
        },
    ),
    ("autoreply_connections_dropped_total", "reason"): (
        DROPPED,
        {
            "connections": "`[server] connections` was reached",
            "held_bytes": "unfinished requests held too much memory",
            "head_size": "request line and headers over 32 KiB or 100 headers",
            "head_seconds": "the headers were not complete in 30 s",
            "pipelining": "over 100 requests without reading the responses",
            "bad_request": "not HTTP",
        },
    ),
    ("autoreply_opt_outs_total", "change"): (("out", "in"), {"out": "an opt-out", "in": "the end of one"}),
    ("autoreply_reports_total", "status"): (
        (*STATUSES, "other"),
        dict.fromkeys(STATUSES, "the status in Plivo's report") | {"other": "a status that Plivo does not document"},
    ),
    ("autoreply_reloads_total", "outcome"): (
        ("done", "failed"),
        {"done": "the new configuration is in force", "failed": "the file was refused; the old one stays in force"},
    ),
}


def families() -> dict[str, Metric]:
    """Return every family of a service in which each kind of event has happened once, by its name in a query."""
    metrics = Metrics(("shop",), ("crm",))
    gauges = Gauges(metrics.registry)
    metrics.rule_failed("shop", "bot")
    metrics.served("message", "V3", 0.01)
    metrics.reloaded("done")
    config = {"config": "", "version": "", "signature": ""}
    spending = (SpendingLevel(None, "1d", 1, 1),)
    gauges.show(Levels(True, config, 0, 0, {"crm": False}, {"crm": (0, 0.0)}, {"crm": 1}, spending, (1, 1), 0.0))
    return {_name(family): family for family in metrics.registry.collect()}


def page() -> str:
    """Return the whole page."""
    rows = (
        (f"`{name}`", family.type, codes(labels_of(family)), family.documentation)
        for name, family in families().items()
        if name.startswith("autoreply_")
    )
    process = codes(name for name in families() if name.startswith("process_"))
    parts = [HEAD, table(("metric", "type", "labels", "meaning"), rows), "\n", NOTES, "\n## Words of the labels\n"]
    for (name, label), (words, meanings) in WORDS.items():
        parts.append(f"\n### `{label}` of `{name}`\n\n")
        parts.append(table((label, "meaning"), ((f"`{word}`", meanings[word]) for word in words)) + "\n")
    parts.append(f"\n## The process\n\nprometheus_client's own: {process}.\n")
    return "".join(parts)


def labels_of(family: Metric) -> list[str]:
    """Return the names of a family's labels."""
    return list(dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le"))


def _name(family: Metric) -> str:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    return family.name + suffix


__all__ = ["NONE", "families", "labels_of", "page"]
