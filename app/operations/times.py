"""Times for machines: commands with `--json`, CSV, the API."""

from datetime import UTC, datetime


def iso_utc(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the second: 2026-03-02T09:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def moment(seconds: float | None) -> str | None:
    """Return a time in the same way; None for one that is not known."""
    return None if seconds is None else iso_utc(seconds)
