"""Render deliveries and their attempts, for people and as JSON."""

from datetime import tzinfo
from typing import Any

from app.cli.output import counted
from app.cli.targets import held_back_by, target_json
from app.cli.times import shown
from app.operations.deliveries import RUNNING, DeliveryList, DeliveryRecord, TargetView, TryRecord
from app.operations.times import iso_utc
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
        (held_back_by(view) if one.state == "due" else None) or "-",
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


def try_json(one: TryRecord) -> dict[str, Any]:
    """Return one attempt as JSON has it."""
    return {
        "at": iso_utc(one.at),
        "seconds": round(one.seconds, 3),
        "status": one.status,
        "error": one.error,
        "response": one.response,
    }


def list_json(found: DeliveryList) -> list[dict[str, Any]]:
    """Return deliveries as JSON has them."""
    return [_json(one) | target_json(found.targets.get(one.target, RUNNING)) for one in found.deliveries]


def _json(one: DeliveryRecord) -> dict[str, Any]:
    return {
        "id": one.id,
        "target": one.target,
        "state": one.state,
        "report_id": one.report_id,
        "message_uuid": one.message_uuid,
        "in_reply_to": one.in_reply_to,
        "report_status": one.report_status,
        "attempts": one.attempts,
        "status": one.status,
        "error": one.error,
        "created_at": iso_utc(one.created_at),
        "due_at": iso_utc(one.due_at) if one.due_at else None,
        "settled_at": iso_utc(one.settled_at) if one.settled_at else None,
        "tries": [try_json(each) for each in one.tries],
    }
