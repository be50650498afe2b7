"""The outbox in rows: one a report, one more for each target that wants it (laws 5, 6 and 7).

Leases and settlements are one verb, so that a lease sees every outcome that was told before it. Copies of messages
(`copies.py`) are leased with the reports.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.reports.outbox import Delivery, Parcel, Report, Settlement
from app.store import copies, proofs, queries
from app.store.addressing import Address, address
from app.store.database import insert_new, now
from app.store.tables import deliveries, is_due, pauses, reports, tries
from app.store.writer import Writer

_LEASE_BYTES = 8
SPARE = 4  # times what is wanted
WINDOW = 1_000  # deliveries: four times what a target of the highest concurrency gets at a time


class StoredOutbox:
    """`reports.outbox.Outbox` on a database."""

    def __init__(self, engine: AsyncEngine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer

    async def put(self, parcel: Parcel) -> None:
        """See `Outbox.put`."""
        await self._writer.submit(put, parcel)

    async def lease(self, target: str, count: int, seconds: float, *, longest_due: bool = False) -> Sequence[Delivery]:
        """See `Outbox.lease`."""
        wish = Wanted(target, count, seconds, secrets.token_hex(_LEASE_BYTES), longest_due)
        leased = await self._writer.submit(turn, wish)
        return leased or []

    async def settle(self, settlement: Settlement) -> None:
        """See `Outbox.settle`."""
        await self._writer.submit(turn, settlement)

    async def waiting(self) -> Mapping[str, int]:
        """How many deliveries of each target are due, now or later. Raises `Unavailable`."""
        return await queries.waiting(self._engine)


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
        new = [parcel for parcel in accepted.values() if parcel.id in fresh]
        address(connection, [Address(one.id, one.report.sequence or 0, one.targets, one.full) for one in new])
    return list(refusals)


def turn(connection: sa.Connection, items: Sequence[Wanted | Settlement]) -> list[list[Delivery] | None]:
    """Outcomes first; then due deliveries, due again at the end of the lease: a crash needs no recovery."""
    _settle(connection, [item for item in items if isinstance(item, Settlement)])
    return [_lease(connection, item) if isinstance(item, Wanted) else None for item in items]


def _lease(connection: sa.Connection, wish: Wanted) -> list[Delivery]:
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
    order = (deliveries.c.due_at if wish.longest_due else deliveries.c.sequence, deliveries.c.id)
    free = sa.select(deliveries.c.id).where(deliveries.c.id.in_(candidates), still_due).order_by(*order)
    mine = free.limit(wish.count).with_for_update(skip_locked=True).scalar_subquery()
    leased = {"due_at": now() + wish.seconds, "lease": wish.lease, "attempts": deliveries.c.attempts + 1}
    return sa.update(deliveries).where(deliveries.c.id.in_(mine)).values(leased).returning(deliveries.c.id)


_later, _later_report = deliveries.alias("later"), reports.alias("later_report")
_accepted = sa.exists().where(  # nested, so that no planner begins with all that a target ever accepted
    _later.c.report_id == _later_report.c.id, _later.c.target == deliveries.c.target, _later.c.state == "done"
)
_STALE = (
    sa.exists()
    .where(
        _later_report.c.message_uuid == reports.c.message_uuid,
        _later_report.c.sequence > reports.c.sequence,
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


def _delivery(row: Any, messages: Mapping[str, Any]) -> Delivery:
    if row.kind == "message":
        return Delivery(row.delivery, row.lease, row.attempts, False, copies.copy(row, messages.get(row.message_uuid)))
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
