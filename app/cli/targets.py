"""Render why deliveries to a target are held back."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from app.cli.output import counted
from app.cli.times import shown
from app.operations.deliveries import TargetView
from app.operations.times import iso_utc


def held_back_by(view: TargetView) -> str | None:
    """Return what holds a target back: "operator", "failures" or "target" (it is busy); None: nothing."""
    return "operator" if view.paused_at is not None else "failures" if view.failing else "target" if view.busy else None


def show_target(name: str, view: TargetView, zone: tzinfo | None) -> str | None:
    """Return the reasons in one line; None if nothing holds the target back."""
    reasons = "; ".join(_reasons(view, zone))
    return f"{name}: {reasons}" if reasons else None


def target_json(view: TargetView) -> dict[str, Any]:
    """Return what holds a target back, and when it is tried next, as JSON has it."""
    by = held_back_by(view)
    waits = by is not None and view.next_attempt is not None
    return {"held_back_by": by, "next_attempt": iso_utc(view.next_attempt or 0.0) if waits else None}


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
