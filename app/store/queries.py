"""Queries of operators: the history of a number or a message, and deliveries."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.plivo.numbers import canonical, normalise
from app.store.clock import now
from app.store.reading import reading
from app.store.records import (
    EVER,
    CallRecord,
    DeliveryRecord,
    Found,
    MessageRecord,
    ReportRecord,
    Span,
    StepRecord,
    TryRecord,
)
from app.store.schema import deliveries, is_due, messages, reports, tries
from app.store.selection import Selection, conditions

Row = dict[str, Any]
By = Mapping[str, Sequence[DeliveryRecord]]  # the id of a report -> its deliveries

REPORTS = 200  # a message, on average, of those that are shown together
NEWEST = 10_000  # deliveries among which those of a status are looked for first
VARIABLES = 10_000  # a statement; SQLite takes 32,766 as its makers build it

_is_report = reports.c.kind == "report"
_DELIVERY = sa.select(
    *(column for column in deliveries.c if column.name not in ("lease", "sequence")),
    deliveries.c.lease.is_not(None).label("leased"),
    reports.c.kind,
    reports.c.person,
    reports.c.message_uuid,
    reports.c.in_reply_to,
    reports.c.status.label("report_status"),
).join(reports, reports.c.id == deliveries.c.report_id)


async def history(engine: AsyncEngine, who: str, limit: int, span: Span = EVER) -> Found:
    """Return the newest messages of an address or MessageUUID within a span, oldest first. Raises `Unavailable`.

    Each has its reports and the deliveries of its copy. Reports that belong to none of them are returned as well.
    """
    async with reading(engine) as connection:
        found, concerning = await _concerning(connection, who, limit, span)
        records = await message_records(connection, found)
        uuids = {row["message_uuid"] for row in found}
        others = [row for row in concerning if row["in_reply_to"] not in uuids]
        carried = await _deliveries_of(connection, others)
    return records, [_report(row, carried) for row in others]


async def message_records(connection: AsyncConnection, found: Sequence[Row]) -> list[MessageRecord]:
    """Return messages from their rows, in the same order, with their reports and the deliveries of their copies."""
    uuids = {row["message_uuid"] for row in found}
    most = REPORTS * len(uuids)
    theirs = await _reports(connection, _is_report & reports.c.in_reply_to.in_(uuids), most)
    copies = await _reports(connection, ~_is_report & reports.c.message_uuid.in_(uuids), len(uuids))
    carried = await _deliveries_of(connection, [*theirs, *copies])
    answers = defaultdict(list)
    for row in theirs:
        answers[row["in_reply_to"]].append(_report(row, carried))
    copied = {row["message_uuid"]: carried.get(row["id"], ()) for row in copies}
    return [_message(row, answers[row["message_uuid"]], copied.get(row["message_uuid"], ())) for row in found]


async def _concerning(connection: AsyncConnection, who: str, limit: int, span: Span) -> tuple[list[Row], list[Row]]:
    """Return the rows of the messages and reports of an address or MessageUUID."""
    person, came, reported = canonical(who), within(messages, span), within(reports, span)
    concerned = (reports.c.person == person) | (reports.c.message_uuid == who) | (reports.c.in_reply_to == who)
    found_reports = await _reports(connection, _is_report & concerned & reported, limit)
    uuids = {row["in_reply_to"] for row in found_reports if row["message_uuid"] == who}
    by_index = messages.c.person == person, messages.c.message_uuid.in_({who} | uuids)
    found = await _messages(connection, [one & came for one in by_index], limit)
    if not (found or found_reports) and who == normalise(
        who
    ):  # one of our numbers: no index holds it, so the newest rows are looked through
        found = await _messages(connection, [(messages.c.recipient == who) & came], limit)
        found_reports = await _reports(connection, _is_report & (reports.c.sender == who) & reported, limit)
    return found, found_reports


def within(table: sa.Table, span: Span) -> sa.ColumnElement[bool]:
    """Return the condition for rows that arrived in a span of time."""
    at = table.c.received_at
    ends: list[sa.ColumnElement[bool]] = [sa.true()]
    if span.since is not None:
        ends.append(at >= span.since)
    if span.until is not None:
        ends.append(at < span.until)
    return sa.and_(*ends)


async def list_deliveries(
    engine: AsyncEngine, which: Selection, limit: int, before: int | None = None
) -> list[DeliveryRecord]:
    """List deliveries, newest first, with ids below `before`. Raises `Unavailable`."""
    query = _DELIVERY.order_by(deliveries.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(deliveries.c.id < before)
    async with reading(engine) as connection:
        rows = await _of_common_status(connection, query, which)
        if len(rows) < limit:
            found = await connection.execute(query.where(*conditions(which)))
            rows = [plain(row) for row in found.mappings()]
        return await _with_tries(connection, rows)


async def _of_common_status(connection: AsyncConnection, query: sa.Select[Any], which: Selection) -> list[Row]:
    """Return deliveries of reports with a status, from among the newest.

    No index has the status, and a list of all reports that have a common one is long.
    """
    if which.status is None:
        return []
    others = conditions(replace(which, status=None))
    lowest = await connection.scalar(query.with_only_columns(deliveries.c.id).limit(1).offset(NEWEST)) or 0
    near = query.where(*others, reports.c.status == which.status, deliveries.c.id > lowest)
    return [plain(row) for row in (await connection.execute(near)).mappings()]


async def waiting(engine: AsyncEngine) -> dict[str, int]:
    """Count the deliveries that are due, now or later, of each target that has any. Raises `Unavailable`.

    Those that a replay has spread over time do not count, so that a replay does not fill a queue.
    """
    spread = sa.and_(deliveries.c.due_at > now(), deliveries.c.attempts == 0, deliveries.c.replayed_at.is_not(None))
    query = sa.select(deliveries.c.target, sa.func.count()).where(is_due, ~spread).group_by(deliveries.c.target)
    async with reading(engine) as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}


async def _messages(connection: AsyncConnection, wheres: Sequence[sa.ColumnElement[bool]], limit: int) -> list[Row]:
    """Return the newest messages that meet one of the conditions, oldest first.

    Ids are found and sorted before rows are read: an index may have them all.
    """
    ids: set[int] = set()
    for where in wheres:
        ids.update(
            await connection.scalars(sa.select(messages.c.id).where(where).order_by(messages.c.id.desc()).limit(limit))
        )
    newest = sa.select(messages).where(messages.c.id.in_(sorted(ids)[-limit:])).order_by(messages.c.id)
    return [plain(row) for row in (await connection.execute(newest)).mappings()]


async def _reports(connection: AsyncConnection, where: sa.ColumnElement[bool], limit: int) -> list[Row]:
    newest = reports.c.received_at.desc(), reports.c.sequence.desc()
    ids = sa.select(reports.c.id).where(where).order_by(*newest).limit(limit)  # sorted without the rows
    query = sa.select(reports).where(reports.c.id.in_(ids)).order_by(*newest)
    return [plain(row) for row in (await connection.execute(query)).mappings()][::-1]


async def _deliveries_of(connection: AsyncConnection, found_reports: Iterable[Row]) -> By:
    """Return the deliveries of these reports, by report, in the order in which they were created."""
    query = _DELIVERY.order_by(deliveries.c.id)
    rows = await _of(connection, query, deliveries.c.report_id, {row["id"] for row in found_reports})
    carried = defaultdict(list)
    for one in await _with_tries(connection, rows):
        carried[one.report_id].append(one)
    return carried


async def _with_tries(connection: AsyncConnection, rows: Sequence[Row]) -> list[DeliveryRecord]:
    """Return deliveries with their attempts, oldest first."""
    query = sa.select(tries).order_by(tries.c.id)
    tried = defaultdict(list)
    for row in await _of(connection, query, tries.c.delivery_id, [row["id"] for row in rows]):
        attempt = TryRecord(row["at"], row["seconds"], row["status"], row["error"], row["response"])
        tried[row["delivery_id"]].append(attempt)
    return [DeliveryRecord(**row, tries=tuple(tried[row["id"]])) for row in rows]


async def _of(
    connection: AsyncConnection, query: sa.Select[Any], column: sa.Column[Any], values: Collection[Any]
) -> list[Row]:
    """Return the rows in which a column has one of these values, with one statement for every `VARIABLES` values."""
    rows: list[Row] = []
    every = list(values)
    for start in range(0, len(every), VARIABLES):
        found = await connection.execute(query.where(column.in_(every[start : start + VARIABLES])))
        rows += [plain(row) for row in found.mappings()]
    return rows


def _message(row: Row, theirs: Sequence[ReportRecord], carried: Sequence[DeliveryRecord]) -> MessageRecord:
    same = {name: row[name] for name in MessageRecord.__dataclass_fields__ if name in row}
    read = {
        "calls": _calls(row),
        "media": tuple(json.loads(row["media"])),
        "steps": tuple(StepRecord(**step) for step in json.loads(row["steps"])),
        "xml": row["xml"].decode(),
    }
    return MessageRecord(**(same | read), reports=tuple(theirs), deliveries=tuple(carried))


def _calls(row: Row) -> tuple[CallRecord, ...]:
    """Return every call that Plivo made for a message. If none is stored, there was one, answered when it arrived."""
    if row["calls"]:
        return tuple(CallRecord(**call) for call in json.loads(row["calls"]))
    return (CallRecord(row["received_at"], 200, "answered"),) if row["state"] == "answered" else ()


def _report(row: Row, carried: By) -> ReportRecord:
    same = {name: row[name] for name in ReportRecord.__dataclass_fields__ if name in row}
    parameters = tuple((name, value) for name, value in json.loads(row["parameters"]))
    return ReportRecord(**(same | {"parameters": parameters}), deliveries=tuple(carried.get(row["id"], ())))


def plain(row: Mapping[Any, Any]) -> Row:
    """Return a row as a dict."""
    return {str(key): value for key, value in row.items()}
