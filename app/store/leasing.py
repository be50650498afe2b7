"""Leases in rows: a lease is only a due time in the future, so a crash needs no recovery (G7)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.delivery.queue import STAGES, Delivery, DeliveryReport, StoredReport
from app.store import message_copies as copies
from app.store.database import now
from app.store.schema import deliveries, is_due, pauses, reports

SPARE = 4  # times what is wanted
WINDOW = 1_000  # deliveries: four times what a target of the highest concurrency gets at a time


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wish for deliveries."""

    target: str
    count: int
    seconds: float
    lease: str
    longest_due: bool = False
    last: int | None = None  # comes after all others that are due


def lease(connection: sa.Connection, wish: Wanted) -> list[Delivery]:
    """What is due, ours until the lease ends."""
    candidates = list(connection.scalars(_candidates(wish)))
    taken = list(connection.scalars(_take(wish, candidates))) if candidates else []
    if not taken:
        return []
    rows = list(connection.execute(_LEASED, {"ids": taken}))
    messages = copies.messages_of(connection, [row.message_uuid for row in rows if row.kind == "message"])
    return [_delivery(row, messages) for row in rows]


def _candidates(wish: Wanted) -> sa.Select[Any]:
    """Those due longest, or of the `WINDOW` due longest those of the lowest Sequence: a bounded look at any backlog, in
    which no late Sequence is overtaken for ever. Some to spare, for what another replica takes at the same moment.
    """
    longest = (
        sa.select(deliveries.c.id, deliveries.c.sequence)
        .where(deliveries.c.target == wish.target, is_due, deliveries.c.due_at <= now())
        .where(~sa.exists().where(pauses.c.target == wish.target))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(SPARE * wish.count if wish.longest_due else WINDOW)
    )
    if wish.longest_due:
        return longest.with_only_columns(deliveries.c.id)
    window = longest.subquery()
    return sa.select(window.c.id).order_by(window.c.sequence, window.c.id).limit(SPARE * wish.count)


def _take(wish: Wanted, candidates: Sequence[int]) -> sa.Update:
    """By their ids, and by nothing that would make a planner walk the lane again."""
    still_due = sa.and_(deliveries.c.state + "" == "due", deliveries.c.due_at <= now())
    others = sa.case((deliveries.c.id == wish.last, 1), else_=0)
    order = (others, deliveries.c.due_at if wish.longest_due else deliveries.c.sequence, deliveries.c.id)
    free = sa.select(deliveries.c.id).where(deliveries.c.id.in_(candidates), still_due).order_by(*order)
    mine = free.limit(wish.count).with_for_update(skip_locked=True).scalar_subquery()
    leased = {"due_at": now() + wish.seconds, "lease": wish.lease, "attempts": deliveries.c.attempts + 1}
    return sa.update(deliveries).where(deliveries.c.id.in_(mine)).values(leased).returning(deliveries.c.id)


_later, _later_report = deliveries.alias("later"), reports.alias("later_report")
_accepted = sa.exists().where(  # nested, so that no planner begins with all that a target ever accepted
    _later.c.report_id == _later_report.c.id, _later.c.target == deliveries.c.target, _later.c.state == "done"
)
_unordered = _later_report.c.sequence.is_(None) | reports.c.sequence.is_(None)  # then the status tells
_stage, _later_stage = (sa.case(STAGES, value=one.c.status) for one in (reports, _later_report))
_STALE = (
    sa.exists()
    .where(
        _later_report.c.message_uuid == reports.c.message_uuid,
        (_later_report.c.sequence > reports.c.sequence) | (_unordered & (_later_stage > _stage)),
        _accepted.correlate(deliveries, _later_report),
    )
    .correlate(reports, deliveries)
)
_LEASED = (
    sa.select(
        reports,
        deliveries.c.id.label("delivery"),
        deliveries.c.lease,
        deliveries.c.attempts,
        deliveries.c.target,
        _STALE.label("stale"),
    )
    .join(reports, reports.c.id == deliveries.c.report_id)
    .where(deliveries.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(deliveries.c.sequence, deliveries.c.id)
)


def _delivery(row: Any, messages: Mapping[str, Any]) -> Delivery:
    if row.kind == "message":
        return Delivery(row.delivery, row.lease, row.attempts, False, copies.copy(row, messages.get(row.message_uuid)))
    report = DeliveryReport(
        id=row.id,
        message_uuid=row.message_uuid,
        status=row.status,
        sender=row.sender,
        to=row.recipient,
        sequence=row.sequence,
        error_code=row.error_code,
        units=row.units,
        in_reply_to=row.in_reply_to,
        parameters=tuple((name, value) for name, value in json.loads(row.parameters)),
    )
    parcel = StoredReport(report, row.received_at, row.route, row.rule, (row.target,), row.signed_by)
    return Delivery(row.delivery, row.lease, row.attempts, row.stale, parcel)
