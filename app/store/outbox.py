"""The outbox in rows: one a report, one more for each target that wants it (laws 5, 6 and 7)."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.reports.outbox import Delivery, Parcel, Report, Settlement
from app.store import proofs
from app.store.database import insert_new, now
from app.store.tables import deliveries, pauses, reports
from app.store.writer import Writer

_LEASE_BYTES = 8


class StoredOutbox:
    """`reports.outbox.Outbox` on a database."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def put(self, parcel: Parcel) -> None:
        """See `Outbox.put`."""
        await self._writer.submit(put, parcel)

    async def lease(self, target: str, count: int, seconds: float, *, longest_due: bool = False) -> Sequence[Delivery]:
        """See `Outbox.lease`."""
        wish = Wanted(target, count, seconds, secrets.token_hex(_LEASE_BYTES), longest_due)
        return await self._writer.submit(lease, wish)

    async def settle(self, settlement: Settlement) -> None:
        """See `Outbox.settle`."""
        await self._writer.submit(settle, settlement)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wish for deliveries."""

    target: str
    count: int
    seconds: float
    lease: str
    longest_due: bool


def put(connection: sa.Connection, parcels: Sequence[Parcel]) -> list[Exception | None]:
    """New reports get their deliveries, due now; a repeat makes no row."""
    refusals = proofs.bind(connection, [parcel.proofs for parcel in parcels])
    accepted = {parcel.report.id: parcel for parcel, refused in zip(parcels, refusals, strict=True) if not refused}
    if accepted:
        statement = insert_new(reports).returning(reports.c.id)
        fresh = set(connection.scalars(statement, [_report_row(parcel) for parcel in accepted.values()]))
        wanted = [row for parcel in accepted.values() if parcel.report.id in fresh for row in _delivery_rows(parcel)]
        if wanted:
            connection.execute(sa.insert(deliveries).values(due_at=now(), created_at=now()), wanted)
    return list(refusals)


def lease(connection: sa.Connection, wishes: Sequence[Wanted]) -> list[list[Delivery]]:
    """Due deliveries, their due time put off to the end of the lease: a crash needs no recovery."""
    return [_lease(connection, wish) for wish in wishes]


def _lease(connection: sa.Connection, wish: Wanted) -> list[Delivery]:
    first = deliveries.c.due_at if wish.longest_due else deliveries.c.sequence
    due = (
        sa.select(deliveries.c.id)
        .where(deliveries.c.target == wish.target, deliveries.c.state == "due", deliveries.c.due_at <= now())
        .where(~sa.exists().where(pauses.c.target == wish.target))
        .order_by(first, deliveries.c.id)
        .limit(wish.count)
        .with_for_update(skip_locked=True)
    )
    taken = (
        sa.update(deliveries)
        .where(deliveries.c.id.in_(due.scalar_subquery()))
        .values(due_at=now() + wish.seconds, lease=wish.lease, attempts=deliveries.c.attempts + 1)
        .returning(deliveries.c.id)
    )
    ids = list(connection.scalars(taken))
    return [_delivery(row) for row in connection.execute(_LEASED, {"ids": ids})] if ids else []


_later = deliveries.alias("later")
_later_report = reports.alias("later_report")
_STALE = (
    sa.exists()
    .where(
        _later_report.c.message_uuid == reports.c.message_uuid,
        _later_report.c.sequence > reports.c.sequence,
        _later.c.report_id == _later_report.c.id,
        _later.c.target == deliveries.c.target,
        _later.c.state == "done",
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


def settle(connection: sa.Connection, settlements: Sequence[Settlement]) -> list[None]:
    """Outcomes; whoever lost the lease changes nothing."""
    statement = (
        sa.update(deliveries)
        .where(deliveries.c.id == sa.bindparam("delivery"), deliveries.c.lease == sa.bindparam("token"))
        .values(
            state=sa.bindparam("state"),
            attempts=sa.bindparam("attempts"),
            status=sa.bindparam("status"),
            error=sa.bindparam("error"),
            due_at=now() + sa.bindparam("delay", type_=sa.Double),
            settled_at=now(),
            lease=None,
        )
    )
    connection.execute(
        statement,
        [
            {
                "delivery": settlement.delivery,
                "token": settlement.lease,
                "state": settlement.state,
                "attempts": settlement.attempts,
                "status": settlement.status,
                "error": settlement.error,
                "delay": settlement.delay,
            }
            for settlement in settlements
        ],
    )
    return [None] * len(settlements)


def _report_row(parcel: Parcel) -> dict[str, Any]:
    report = parcel.report
    return {
        "id": report.id,
        "received_at": parcel.received_at,
        "message_uuid": report.message_uuid,
        "in_reply_to": report.in_reply_to,
        "status": report.status,
        "sequence": report.sequence,
        "error_code": report.error_code,
        "units": report.units,
        "sender": report.sender,
        "recipient": report.to,
        "route": parcel.route,
        "rule": parcel.rule,
        "signed_by": parcel.signed_by,
        "parameters": json.dumps(report.parameters),
    }


def _delivery_rows(parcel: Parcel) -> list[dict[str, Any]]:
    common = {"report_id": parcel.report.id, "state": "due", "sequence": parcel.report.sequence or 0, "attempts": 0}
    return [{**common, "target": target} for target in parcel.targets]


def _delivery(row: Any) -> Delivery:
    report = Report(
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
    parcel = Parcel(report, row.received_at, row.route, row.rule, (row.target,), row.signed_by)
    return Delivery(row.delivery, row.lease, row.attempts, row.stale, parcel)
