"""The outbox in rows: one a report, one more for each target that wants it (G5, G6 and G7).

Leases and settlements are one verb, so that a lease sees every outcome that was told before it. Copies of messages
(`copies.py`) are leased with the reports (`leasing.py`).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.delivery.queue import Delivery, Settlement, StoredReport
from app.store import proofs, queries
from app.store.database import insert_new, now
from app.store.enqueue import Address, address
from app.store.leasing import Wanted, lease
from app.store.schema import deliveries, reports, tries
from app.store.writer import Writer

_LEASE_BYTES = 8


class SqlDeliveryQueue:
    """`reports.outbox.DeliveryQueue` on a database."""

    def __init__(self, engine: AsyncEngine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer

    async def put(self, parcel: StoredReport) -> bool:
        """See `DeliveryQueue.put`."""
        return await self._writer.submit(put, parcel)

    async def lease(
        self, target: str, count: int, seconds: float, *, longest_due: bool = False, last: int | None = None
    ) -> Sequence[Delivery]:
        """See `DeliveryQueue.lease`."""
        wish = Wanted(target, count, seconds, secrets.token_hex(_LEASE_BYTES), longest_due, last)
        leased = await self._writer.submit(turn, wish)
        return leased or []

    async def settle(self, settlement: Settlement) -> None:
        """See `DeliveryQueue.settle`."""
        await self._writer.submit(turn, settlement)

    async def waiting(self) -> Mapping[str, int]:
        """How many deliveries of each target are due, now or later. Raises `Unavailable`."""
        return await queries.waiting(self._engine)


def put(connection: sa.Connection, parcels: Sequence[StoredReport]) -> list[bool | Exception]:
    """New reports get their deliveries, due now; a repeat makes no row. Whether each is new."""
    fresh: set[str] = set()
    refusals = proofs.bind(connection, [parcel.proofs for parcel in parcels])
    accepted = {parcel.report.id: parcel for parcel, refused in zip(parcels, refusals, strict=True) if not refused}
    if accepted:
        statement = insert_new(reports).returning(reports.c.id)
        fresh = set(connection.scalars(statement, [_report_row(parcel) for parcel in accepted.values()]))
        new = [parcel for parcel in accepted.values() if parcel.id in fresh]
        address(connection, [Address(one.id, one.report.sequence or 0, one.targets, one.full) for one in new])
    news = ((parcel.id in fresh) and accepted.get(parcel.id) is parcel for parcel in parcels)
    return [refused or new for refused, new in zip(refusals, news, strict=True)]


def turn(connection: sa.Connection, items: Sequence[Wanted | Settlement]) -> list[list[Delivery] | None]:
    """Outcomes first; then due deliveries, due again at the end of the lease: a crash needs no recovery."""
    _settle(connection, [item for item in items if isinstance(item, Settlement)])
    return [lease(connection, item) if isinstance(item, Wanted) else None for item in items]


def _settle(connection: sa.Connection, settlements: Sequence[Settlement]) -> None:
    """Outcomes; whoever lost the lease changes nothing, but has tried all the same."""
    if settlements:
        connection.execute(_SETTLE, [_outcome(settlement) for settlement in settlements])
    if tried := [_try(settlement) for settlement in settlements if settlement.seconds is not None]:
        connection.execute(_TRIED, tried)


_SETTLE = (
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
_tried: sa.BindParameter[int] = sa.bindparam("delivery", type_=sa.BigInteger)
_TRIED = sa.insert(tries).from_select(  # of a delivery that is still there: its person may have been forgotten
    ["delivery_id", "at", "seconds", "status", "error"],
    sa.select(
        _tried,
        now(),
        sa.bindparam("seconds", type_=sa.Double),
        sa.bindparam("status", type_=sa.Integer),
        sa.bindparam("error", type_=sa.Text),
    ).where(sa.exists().where(deliveries.c.id == _tried)),
)


def _outcome(settlement: Settlement) -> dict[str, Any]:
    return {
        "delivery": settlement.delivery,
        "token": settlement.lease,
        "state": settlement.state,
        "attempts": settlement.attempts,
        "status": settlement.status,
        "error": settlement.error,
        "delay": settlement.delay,
    }


def _try(settlement: Settlement) -> dict[str, Any]:
    return {
        "delivery": settlement.delivery,
        "seconds": settlement.seconds,
        "status": settlement.status,
        "error": settlement.error,
    }


def _report_row(parcel: StoredReport) -> dict[str, Any]:
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
