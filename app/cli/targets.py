"""Why deliveries to a target are held back, as commands show it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from app.cli.common import counted, moment
from app.store.instances import TargetView

RUNNING = TargetView()


def show_target(name: str, view: TargetView) -> str | None:
    """One line; None if nothing holds it back."""
    reasons = "; ".join(_reasons(view))
    return f"{name}: {reasons}" if reasons else None


def target_json(view: TargetView) -> dict[str, Any]:
    """The same for machines."""
    by = "operator" if view.paused_at else "failures" if view.failing else "target" if view.busy else None
    waits = by is not None and view.next_attempt is not None
    return {"held_back_by": by, "next_attempt": moment(view.next_attempt) if waits else None}


def _reasons(view: TargetView) -> Iterator[str]:
    if view.paused_at is not None:
        yield f"paused by an operator since {moment(view.paused_at)}, until: deliveries resume"
    if view.failing:
        failures = max(status.failures for status in view.statuses)
        yield f"paused by failures{_where(view, view.failing)}, next probe {_at(view)} ({failures} failures in a row)"
    elif view.busy:
        yield f"busy{_where(view, view.busy)}: it asked for fewer requests, next attempt {_at(view)}"


def _where(view: TargetView, servers: int) -> str:
    every = len(view.statuses)
    return f" on {servers} of {counted(every, 'server')}" if every > 1 else ""


def _at(view: TargetView) -> str:
    """At most a minute ahead, so the time of day is enough."""
    if view.next_attempt is None or view.next_attempt <= time.time():
        return "as soon as a delivery is due"
    return datetime.fromtimestamp(view.next_attempt, UTC).strftime("%H:%M:%SZ")
