"""Render why deliveries to a target are held back."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from app.cli.output import counted
from app.cli.times import shown
from app.operations.deliveries import TargetView


def show_target(name: str, view: TargetView, zone: tzinfo | None) -> str | None:
    """Return the reasons in one line; None if nothing holds the target back."""
    reasons = "; ".join(_reasons(view, zone))
    return f"{name}: {reasons}" if reasons else None


def _reasons(view: TargetView, zone: tzinfo | None) -> Iterator[str]:
    if view.paused_at is not None:
        yield f"paused by an operator since {shown(view.paused_at, zone)}, until: deliveries resume"
    if view.failing:
        failures = max(status.failures for status in view.statuses)
        where, when = _where(view, view.failing), _next(view, zone)
        yield f"paused by failures{where}, next probe {when} ({failures} failures in a row)"
    elif view.busy:
        yield f"busy{_where(view, view.busy)}: it asked for fewer requests, next attempt {_next(view, zone)}"


def _where(view: TargetView, servers: int) -> str:
    every = len(view.statuses)
    return f" on {servers} of {counted(every, 'server')}" if every > 1 else ""


def _next(view: TargetView, zone: tzinfo | None) -> str:
    """Return the time of day of the next attempt, which is at most a minute ahead."""
    if view.next_attempt is None or view.next_attempt <= time.time():
        return "as soon as a delivery is due"
    return datetime.fromtimestamp(view.next_attempt, UTC).astimezone(zone).timetz().isoformat(timespec="seconds")
