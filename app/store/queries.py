"""What the operator asks: the history of a number or a message, the deliveries that wait or died."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.plivo.numbers import canonical
from app.store.database import now
from app.store.reading import reading
from app.store.schema import deliveries, is_due, messages, reports, tries
from app.store.selection import Selection, conditions

Row = dict[str, Any]

VARIABLES = 10_000  # a statement; SQLite takes 32,766 as its makers build it


async def history(engine: AsyncEngine, who: str, limit: int) -> tuple[list[Row], list[Row]]:
    """The newest messages of an address or MessageUUID, oldest first, each with its `reports` and the `deliveries` of
    its copy; and the reports that belong to none of them. Each report has its `deliveries`, each of those its `tries`.
    Raises `Unavailable`.
    """
    report = reports.c.kind == "report"
    async with reading(engine) as connection:
        person = canonical(who)
        concerned = (reports.c.person == person) | (reports.c.message_uuid == who) | (reports.c.in_reply_to == who)
        found_reports = await _reports(connection, report & concerned, limit)
        uuids = {row["in_reply_to"] for row in found_reports if row["message_uuid"] == who}
        by_index = (messages.c.person == person) | messages.c.message_uuid.in_({who} | uuids)
        found = await _messages(connection, by_index, limit)
        if not (found or found_reports):  # one of our numbers: no index holds it, so the newest rows are looked through
            found = await _messages(connection, messages.c.recipient == who, limit)
            found_reports = await _reports(connection, report & (reports.c.sender == who), limit)
        known = {message["message_uuid"] for message in found}
        theirs = await _reports(connection, report & reports.c.in_reply_to.in_(known), limit * len(known))
        copies = await _reports(connection, ~report & reports.c.message_uuid.in_(known), len(known))
        carried = await _attach(
            connection, [*found_reports, *theirs, *copies], "deliveries", deliveries, deliveries.c.report_id
        )
        await _attach(connection, carried, "tries", tries, tries.c.delivery_id)
    by_message: dict[str, list[Row]] = {uuid: [] for uuid in known}
    for row in theirs:
        by_message[row["in_reply_to"]].append(row)
    copied = {copy["message_uuid"]: copy["deliveries"] for copy in copies}
    for message in found:
        uuid = message["message_uuid"]
        message |= {"reports": by_message[uuid], "deliveries": copied.get(uuid, [])}
    return found, [row for row in found_reports if row["in_reply_to"] not in known]


async def list_deliveries(engine: AsyncEngine, which: Selection, limit: int) -> list[Row]:
    """Deliveries, newest first, each with its `tries` and the report that it carries. Raises `Unavailable`."""
    query = (
        sa.select(
            deliveries,
            reports.c.kind,
            reports.c.message_uuid,
            reports.c.in_reply_to,
            reports.c.status.label("report_status"),
        )
        .join(reports, reports.c.id == deliveries.c.report_id)
        .where(*conditions(which))
        .order_by(deliveries.c.id.desc())
        .limit(limit)
    )
    async with reading(engine) as connection:
        rows = [plain(row) for row in (await connection.execute(query)).mappings()]
        await _attach(connection, rows, "tries", tries, tries.c.delivery_id)
    return rows


async def waiting(engine: AsyncEngine) -> dict[str, int]:
    """How many deliveries are due, now or later, of each target that has any; but for those that a replay spread over
    the time to come, so that it does not fill a queue. Raises `Unavailable`.
    """
    spread = sa.and_(deliveries.c.due_at > now(), deliveries.c.attempts == 0, deliveries.c.replayed_at.is_not(None))
    query = sa.select(deliveries.c.target, sa.func.count()).where(is_due, ~spread).group_by(deliveries.c.target)
    async with reading(engine) as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


async def _messages(connection: AsyncConnection, where: sa.ColumnElement[bool], limit: int) -> list[Row]:
    query = sa.select(messages).where(where).order_by(messages.c.id.desc()).limit(limit)
    rows = [plain(row) for row in (await connection.execute(query)).mappings()]
    for row in rows:
        row["xml"] = row["xml"].decode()
        row["steps"] = json.loads(row["steps"])
        row["media"] = json.loads(row["media"])
        row["calls"] = _calls(row)
    return rows[::-1]


def _calls(row: Row) -> list[dict[str, Any]]:
    """Every call of Plivo's for a message, and what it got. None kept: there was one, answered when it came."""
    if row["calls"]:
        calls: list[dict[str, Any]] = json.loads(row["calls"])
        return calls
    return [{"at": row["received_at"], "status": 200, "reason": "answered"}] if row["state"] == "answered" else []


async def _reports(connection: AsyncConnection, where: sa.ColumnElement[bool], limit: int) -> list[Row]:
    query = (
        sa.select(reports).where(where).order_by(reports.c.received_at.desc(), reports.c.sequence.desc()).limit(limit)
    )
    rows = [plain(row) for row in (await connection.execute(query)).mappings()]
    for row in rows:
        row["parameters"] = json.loads(row["parameters"])
    return rows[::-1]


async def _attach(
    connection: AsyncConnection, owners: Iterable[Row], name: str, table: sa.Table, owner: sa.Column[Any]
) -> list[Row]:
    """Gives each row, by its id, those rows of a table that belong to it; all of these."""
    theirs: dict[Any, list[Row]] = {}
    for row in owners:
        row[name] = theirs.setdefault(row["id"], [])
    attached: list[Row] = []
    identifiers = list(theirs)
    for start in range(0, len(identifiers), VARIABLES):
        some = identifiers[start : start + VARIABLES]
        found = await connection.execute(sa.select(table).where(owner.in_(some)).order_by(table.c.id))
        attached += [plain(row) for row in found.mappings()]
    for row in attached:
        theirs[row[owner.name]].append(row)
    return attached


def plain(row: Mapping[Any, Any]) -> Row:
    """A row as a dict."""
    return {str(key): value for key, value in row.items()}
