"""Times for machines (commands with `--json`, CSV, the API), and spans of time for people."""

from datetime import UTC, datetime


def iso_utc(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the second: 2026-03-02T09:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(seconds: float | None) -> str | None:
    """Return a time in the same way; None for one that is not known."""
    return None if seconds is None else iso_utc(seconds)


def span_in_words(seconds: float, least: int = 1) -> str:
    """Return a length of time in the largest unit of which it has at least `least`: "40 s", "4 min", "3 h", "2 d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= least * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
