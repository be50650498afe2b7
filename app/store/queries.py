"""What the operator asks: the history of a number or a message, the deliveries that wait or died."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.store.reading import reading
from app.store.tables import deliveries, is_due, messages, reports

Row = dict[str, Any]

VARIABLES = 10_000  # a statement; SQLite takes 32,766 as its makers build it


async def history(engine: AsyncEngine, who: str, limit: int) -> tuple[list[Row], list[Row]]:
    """The newest messages of an address or MessageUUID, oldest first, each with its `reports`; and
    the reports that belong to none of them. Each report has its `deliveries`. Raises `Unavailable`.
    """
    async with reading(engine) as connection:
        told = await _reports(
            connection,
            _concerns(reports, who) | (reports.c.message_uuid == who) | (reports.c.in_reply_to == who),
            limit,
        )
        uuids = {report["in_reply_to"] for report in told if report["message_uuid"] == who}
        found = await _messages(
            connection, _concerns(messages, who) | messages.c.message_uuid.in_({who} | uuids), limit
        )
        known = {message["message_uuid"] for message in found}
        theirs = await _reports(connection, reports.c.in_reply_to.in_(known), limit * len(known))
        await _attach_deliveries(connection, [*told, *theirs])
    by_message: dict[str, list[Row]] = {}
    for message in found:
        message["reports"] = by_message.setdefault(message["message_uuid"], [])
    for report in theirs:
        by_message[report["in_reply_to"]].append(report)
    return found, [report for report in told if report["in_reply_to"] not in known]


async def list_deliveries(engine: AsyncEngine, *, target: str | None, state: str | None, limit: int) -> list[Row]:
    """Deliveries, newest first, with the report that each carries. Raises `Unavailable`."""
    query = (
        sa.select(deliveries, reports.c.message_uuid, reports.c.in_reply_to, reports.c.status.label("report_status"))
        .join(reports, reports.c.id == deliveries.c.report_id)
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    )
    if target is not None:
        query = query.where(deliveries.c.target == target)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    async with reading(engine) as connection:
        return [plain(row) for row in (await connection.execute(query)).mappings()]


async def waiting(engine: AsyncEngine) -> dict[str, int]:
    """How many deliveries are due, now or later, of each target that has any. Raises `Unavailable`."""
    query = sa.select(deliveries.c.target, sa.func.count()).where(is_due).group_by(deliveries.c.target)
    async with reading(engine) as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


def _concerns(table: sa.Table, address: str) -> sa.ColumnElement[bool]:
    return (table.c.sender == address) | (table.c.recipient == address)


async def _messages(connection: AsyncConnection, where: sa.ColumnElement[bool], limit: int) -> list[Row]:
    query = sa.select(messages).where(where).order_by(messages.c.received_at.desc()).limit(limit)
    rows = [plain(row) for row in (await connection.execute(query)).mappings()]
    for row in rows:
        row["xml"] = row["xml"].decode()
        row["steps"] = json.loads(row["steps"])
        row["media"] = json.loads(row["media"])
    return rows[::-1]


async def _reports(connection: AsyncConnection, where: sa.ColumnElement[bool], limit: int) -> list[Row]:
    query = (
        sa.select(reports).where(where).order_by(reports.c.received_at.desc(), reports.c.sequence.desc()).limit(limit)
    )
    rows = [plain(row) for row in (await connection.execute(query)).mappings()]
    for row in rows:
        row["parameters"] = json.loads(row["parameters"])
    return rows[::-1]


async def _attach_deliveries(connection: AsyncConnection, told: Iterable[Row]) -> None:
    by_report: dict[str, list[Row]] = {}
    for report in told:
        report["deliveries"] = by_report.setdefault(report["id"], [])
    identifiers = list(by_report)
    for start in range(0, len(identifiers), VARIABLES):
        some = identifiers[start : start + VARIABLES]
        query = sa.select(deliveries).where(deliveries.c.report_id.in_(some)).order_by(deliveries.c.id)
        for row in (await connection.execute(query)).mappings():
            by_report[row["report_id"]].append(plain(row))


def plain(row: Mapping[Any, Any]) -> Row:
    """A row as a dict."""
    return {str(key): value for key, value in row.items()}
