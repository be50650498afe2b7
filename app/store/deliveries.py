"""Deliveries in rows: a row for each report, and one for each target that wants it (G5, G6, G7).

Leases and settlements are one verb, so that a lease sees every outcome that was reported before it. Copies of messages
(`message_copies.py`) are leased together with reports (`leasing.py`).
"""

import json
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.delivery.fan_out import Origin, fan_out
from app.delivery.queue import Accepted, Delivery, IncomingReport, Settlement
from app.plivo.numbers import canonical
from app.policies.usage import Conversation
from app.store import blocked, locks, proofs, queries
from app.store.clock import now
from app.store.driver import Connection
from app.store.enqueue import Enqueued, enqueue
from app.store.leasing import Wanted, lease
from app.store.schema import deliveries, messages, reports, tries
from app.store.statement import Statement, one_of, values_of
from app.store.writer import Writer

_LEASE_BYTES = 8


class SqlDeliveryQueue:
    """The `delivery.queue.DeliveryQueue` of a database."""

    def __init__(self, engine: AsyncEngine, writer: Writer, *, keep_responses: bool) -> None:
        self._engine = engine
        self._writer = writer
        self._keep_responses = keep_responses

    async def accept(self, incoming: IncomingReport) -> Accepted:
        """Implement `DeliveryQueue.accept`."""
        return await self._writer.submit(accept, incoming)

    async def lease(
        self, target: str, count: int, seconds: float, *, longest_due: bool = False, last: int | None = None
    ) -> Sequence[Delivery]:
        """Implement `DeliveryQueue.lease`."""
        wanted = Wanted(target, count, seconds, secrets.token_hex(_LEASE_BYTES), longest_due, last)
        leased = await self._writer.submit(turn, wanted)
        return leased or []

    async def settle(self, settlement: Settlement) -> None:
        """Implement `DeliveryQueue.settle`."""
        kept = settlement if self._keep_responses else replace(settlement, response=None)
        await self._writer.submit(turn, kept)

    async def waiting(self) -> Mapping[str, int]:
        """Count the deliveries of each target that are due, now or later. Raises `Unavailable`."""
        return await queries.waiting(self._engine)


async def accept(connection: Connection, incoming: Sequence[IncomingReport]) -> list[Accepted | Exception]:
    """Store new reports with their deliveries, due now. A repeat adds no row."""
    refusals = await proofs.bind(connection, [one.proofs for one in incoming])
    await locks.hold(connection, (f"report {one.report.id}" for one in incoming))  # replicas may get the same report
    known = {row[0] for row in await connection.fetch(_KNOWN, {"ids": [one.report.id for one in incoming]})}
    origins = await _origins(connection, incoming)
    added: Counter[str] = Counter()
    results: list[Accepted | Exception] = []
    stored: list[tuple[IncomingReport, Accepted]] = []
    for one, refused in zip(incoming, refusals, strict=True):
        fan = fan_out(one.subscriptions, origins.get(one.report.in_reply_to or ""), one.report)
        full = frozenset(name for name in fan.targets if one.is_full(name, added[name]))
        accepted = Accepted(one.report.id not in known, fan, full)
        results.append(refused or accepted)
        if accepted.new and not refused:
            known.add(one.report.id)
            added.update(set(fan.targets) - full)
            stored.append((one, accepted))
    if stored:
        await connection.execute_many(_INSERT, [_row(one, accepted) for one, accepted in stored])
        await enqueue(connection, [_enqueued(one, accepted) for one, accepted in stored])
    opted_out = await blocked.record(connection, [one for one, _ in stored])
    return [_told(result, one, opted_out) for result, one in zip(results, incoming, strict=True)]


def _told(
    result: Accepted | Exception, one: IncomingReport, opted_out: Collection[Conversation]
) -> Accepted | Exception:
    """Return the result, with the opt-out that the report has recorded."""
    if not opted_out or isinstance(result, Exception) or not (result.new and one.proves_opt_out):
        return result
    return replace(result, opted_out=blocked.conversation_of(one) in opted_out)


async def _origins(connection: Connection, incoming: Sequence[IncomingReport]) -> dict[str, Origin]:
    """Return what made the messages of these reports, by the MessageUUID that was answered."""
    uuids = sorted({one.report.in_reply_to for one in incoming if one.report.in_reply_to})
    rows = await connection.fetch(_ORIGINS, {"uuids": uuids}) if uuids else []
    return {uuid: Origin(route, rule, person) for uuid, route, rule, person in rows}


async def turn(connection: Connection, items: Sequence[Wanted | Settlement]) -> list[list[Delivery] | None]:
    """Settle outcomes first, then lease due deliveries until the end of their lease. A crash needs no recovery."""
    await _settle(connection, [item for item in items if isinstance(item, Settlement)])
    return [await lease(connection, item) if isinstance(item, Wanted) else None for item in items]


async def _settle(connection: Connection, settlements: Sequence[Settlement]) -> None:
    """Store outcomes. A settlement whose lease was lost changes no delivery, but its attempt is still recorded."""
    if settlements:
        await connection.execute_many(_SETTLE, [_outcome(settlement) for settlement in settlements])
    if tried := [_try(settlement) for settlement in settlements if settlement.seconds is not None]:
        await connection.execute_many(_TRIED, tried)


_KNOWN = Statement(sa.select(reports.c.id).where(one_of(reports.c.id, "ids")))
_ORIGINS = Statement(
    sa.select(messages.c.message_uuid, messages.c.route, messages.c.rule, messages.c.person).where(
        one_of(messages.c.message_uuid, "uuids")
    )
)
_INSERT = Statement(sa.insert(reports).values(values_of(reports)).inline())
_SETTLE = Statement(
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
_TRIED = Statement(
    sa.insert(tries)
    .from_select(  # of a delivery that is still there: its person may have been forgotten
        ["delivery_id", "at", "seconds", "status", "error", "response"],
        sa.select(
            _tried,
            now(),
            sa.bindparam("seconds", type_=sa.Double),
            sa.bindparam("status", type_=sa.Integer),
            sa.bindparam("error", type_=sa.Text),
            sa.bindparam("response", type_=sa.Text),
        ).where(sa.exists().where(deliveries.c.id == _tried)),
    )
    .inline()
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
        "response": settlement.response,
    }


def _enqueued(one: IncomingReport, accepted: Accepted) -> Enqueued:
    return Enqueued(one.report.id, one.report.sequence or 0, accepted.fan_out.targets, accepted.full)


def _row(one: IncomingReport, accepted: Accepted) -> dict[str, Any]:
    report = one.report
    return {
        "id": report.id,
        "kind": "report",
        "received_at": one.received_at,
        "message_uuid": report.message_uuid,
        "in_reply_to": report.in_reply_to,
        "status": report.status,
        "sequence": report.sequence,
        "error_code": report.error_code,
        "units": report.units,
        "sender": report.sender,
        "recipient": report.to,
        "person": canonical(report.to),
        "route": accepted.fan_out.route,
        "rule": accepted.fan_out.rule,
        "signed_by": one.signed_by,
        "parameters": json.dumps(report.parameters),
    }
