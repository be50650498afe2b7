"""Deliveries with their attempts, and what holds their targets back."""

from typing import Any

from app.operations.deliveries import RUNNING, DeliveryList, DeliveryRecord, TargetView, TryRecord
from app.operations.times import iso_utc, moment
from app.plivo.numbers import show


def attempt_document(one: TryRecord) -> dict[str, Any]:
    """Return one attempt."""
    return {
        "at": iso_utc(one.at),
        "seconds": round(one.seconds, 3),
        "status": one.status,
        "error": one.error,
        "response": one.response,
    }


def delivery_documents(found: DeliveryList) -> list[dict[str, Any]]:
    """Return deliveries, each with what holds its target back."""
    return [_delivery(one) | target_document(found.targets.get(one.target, RUNNING)) for one in found.deliveries]


def _delivery(one: DeliveryRecord) -> dict[str, Any]:
    return {
        "id": one.id,
        "target": one.target,
        "state": one.state,
        "report_id": one.report_id,
        "message_uuid": one.message_uuid,
        "in_reply_to": one.in_reply_to,
        "report_status": one.report_status,
        "person": show(one.person),
        "attempts": one.attempts,
        "status": one.status,
        "error": one.error,
        "created_at": iso_utc(one.created_at),
        "due_at": moment(one.due_at or None),
        "settled_at": moment(one.settled_at or None),
        "tries": [attempt_document(each) for each in one.tries],
    }


def target_document(view: TargetView) -> dict[str, Any]:
    """Return what holds a target back, and when it is attempted next."""
    by = view.held_back_by
    waits = by is not None and view.next_attempt is not None
    return {"held_back_by": by, "next_attempt": iso_utc(view.next_attempt or 0.0) if waits else None}
