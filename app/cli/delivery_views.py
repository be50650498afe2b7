"""Render deliveries and their attempts, and why those to a target are held back."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from app.cli.output import counted
from app.cli.times import shown
from app.operations.deliveries import DeliveryRecord, TargetView, TryRecord
from app.plivo.numbers import show

HEADER = ("ID", "TARGET", "STATE", "ARRIVED", "NUMBER", "REPORT", "MESSAGE", "TRIES", "RESULT", "DUE", "HELD BACK BY")


def table_row(one: DeliveryRecord, view: TargetView, zone: tzinfo | None) -> tuple[str, ...]:
    """Return the cells of one delivery, below `HEADER`."""
    return (
        str(one.id),
        one.target,
        one.state,
        shown(one.created_at, zone),
        show(one.person),
        one.report_status,
        one.message_uuid,
        str(one.attempts),
        result(one),
        shown(one.due_at, zone) if one.state == "due" else "-",
        (view.held_back_by if one.state == "due" else None) or "-",
    )


def result(one: DeliveryRecord) -> str:
    """Return the result of the last attempt in words."""
    return one.error or (f"status {one.status}" if one.status else "not tried yet")


def try_line(one: TryRecord, zone: tzinfo | None) -> str:
    """Return one attempt as a line of text: what it brought, and how the body of the response began."""
    said = f": '{one.response}'" if one.response else ""
    return f"{shown(one.at, zone)}  {one.error or f'status {one.status}'}, after {round(one.seconds, 3):g} s{said}"


def tries_line(count: int) -> str:
    """Return "1 try" or "2 tries"."""
    return counted(count, "try", "tries")


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
