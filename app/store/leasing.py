"""Leases in rows. A lease is only a due time in the future, so a crash needs no recovery (G6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.delivery.queue import STAGES, Delivery, DeliveryReport, StoredReport
from app.store import message_copies
from app.store.clock import now
from app.store.driver import Connection
from app.store.schema import deliveries, is_due, pauses, reports
from app.store.statement import Statement, one_of

SPARE = 4  # times what is wanted: another replica may take some at the same moment
WINDOW = 1_000  # deliveries: four times what a target of the highest concurrency gets at a time


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for deliveries. `lease` is the token that settles them."""

    target: str
    count: int
    seconds: float
    lease: str
    longest_due: bool = False
    last: int | None = None  # comes after all others that are due


async def lease(connection: Connection, wanted: Wanted) -> list[Delivery]:
    """Lease due deliveries, and return them."""
    statements = _LONGEST_DUE if wanted.longest_due else _LOWEST_SEQUENCE
    candidates = {"target": wanted.target, "spare": SPARE * wanted.count}
    ids = [row[0] for row in await connection.fetch(statements.candidates, candidates)]
    if not ids:
        return []
    mine = {"ids": ids, "last": wanted.last or 0, "count": wanted.count, "token": wanted.lease}
    taken = [row[0] for row in await connection.fetch(statements.take, {**mine, "seconds": wanted.seconds})]
    if not taken:
        return []
    rows = [_LEASED.named(row) for row in await connection.fetch(_LEASED, {"ids": taken})]
    messages = await message_copies.messages_of(connection, [row.message_uuid for row in rows if row.kind == "message"])
    return [_delivery(row, messages) for row in rows]


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements that choose and take deliveries in one order."""

    candidates: Statement
    take: Statement


def _due() -> sa.Select[Any]:
    """Select the deliveries that have been due longest, unless an operator has paused the target."""
    target: sa.BindParameter[str] = sa.bindparam("target")
    return (
        sa.select(deliveries.c.id, deliveries.c.sequence)
        .where(deliveries.c.target == target, is_due, deliveries.c.due_at <= now())
        .where(~sa.exists().where(pauses.c.target == target))
        .order_by(deliveries.c.due_at, deliveries.c.id)
    )


def _take(order: sa.Column[Any]) -> Statement:
    """Return the statement that takes deliveries by id.

    It has no condition that would make a planner read the whole queue again.
    """
    still_due = sa.and_(deliveries.c.state + sa.literal_column("''") == sa.literal_column("'due'"))
    others = sa.case((deliveries.c.id == sa.bindparam("last", type_=sa.BigInteger), sa.literal_column("1")), else_=0)
    free = (
        sa.select(deliveries.c.id)
        .where(one_of(deliveries.c.id, "ids"), still_due, deliveries.c.due_at <= now())
        .order_by(others, order, deliveries.c.id)
        .limit(sa.bindparam("count", type_=sa.Integer))
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    leased = {
        "due_at": now() + sa.bindparam("seconds", type_=sa.Double),
        "lease": sa.bindparam("token"),
        "attempts": deliveries.c.attempts + sa.literal_column("1"),
    }
    return Statement(sa.update(deliveries).where(deliveries.c.id.in_(free)).values(leased).returning(deliveries.c.id))


def _lowest() -> sa.Select[Any]:
    """Select those with the lowest Sequence among the `WINDOW` that have been due longest.

    This reads a bounded part of any backlog, and no delivery with a high Sequence is overtaken for ever.
    """
    window = _due().limit(sa.literal_column(str(WINDOW))).subquery()
    return sa.select(window.c.id).order_by(window.c.sequence, window.c.id).limit(_SPARE)


_SPARE = sa.bindparam("spare", type_=sa.Integer)
_LONGEST_DUE = _Statements(
    Statement(_due().with_only_columns(deliveries.c.id).limit(_SPARE)), _take(deliveries.c.due_at)
)
_LOWEST_SEQUENCE = _Statements(Statement(_lowest()), _take(deliveries.c.sequence))


def _stale() -> sa.ColumnElement[bool]:
    """Return the condition that this target has accepted a later report of the same message, by Sequence or else by
    status.
    """
    later, later_report = deliveries.alias("later"), reports.alias("later_report")
    accepted = sa.exists().where(  # nested, so that no planner begins with all that a target ever accepted
        later.c.report_id == later_report.c.id,
        later.c.target == deliveries.c.target,
        later.c.state == sa.literal_column("'done'"),
    )
    unordered = later_report.c.sequence.is_(None) | reports.c.sequence.is_(None)
    stages: dict[Any, Any] = {
        sa.literal_column(f"'{status}'"): sa.literal_column(str(stage)) for status, stage in STAGES.items()
    }
    stage, later_stage = (sa.case(stages, value=one.c.status) for one in (reports, later_report))
    return (
        sa.exists()
        .where(
            later_report.c.message_uuid == reports.c.message_uuid,
            (later_report.c.sequence > reports.c.sequence) | (unordered & (later_stage > stage)),
            accepted.correlate(deliveries, later_report),
        )
        .correlate(reports, deliveries)
    )


_LEASED = Statement(
    sa.select(
        reports,
        deliveries.c.id.label("delivery"),
        deliveries.c.lease,
        deliveries.c.attempts,
        deliveries.c.target,
        _stale().label("stale"),
    )
    .join(reports, reports.c.id == deliveries.c.report_id)
    .where(one_of(deliveries.c.id, "ids"))
    .order_by(deliveries.c.sequence, deliveries.c.id)
)


def _delivery(row: Any, messages: Mapping[str, Any]) -> Delivery:
    if row.kind == "message":
        copy = message_copies.copy(row, messages.get(row.message_uuid))
        return Delivery(row.delivery, row.lease, row.attempts, False, copy)
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
    stored = StoredReport(report, row.received_at, row.route, row.rule, (row.target,), row.signed_by)
    return Delivery(row.delivery, row.lease, row.attempts, bool(row.stale), stored)
