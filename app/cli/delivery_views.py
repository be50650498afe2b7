"""Render deliveries and their attempts."""

from datetime import tzinfo

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
