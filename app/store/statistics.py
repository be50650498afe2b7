"""Counts of messages and deliveries in slots of equal length, summed up in SQL: one statement a table.

Messages and attempts are in order of arrival, so a span of time is a range of ids (`arrivals.py`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from app.replies.reasons import KINDS, ON_PURPOSE, OPT_OUT, OPTED_OUT, RULES_FAILED, Kind
from app.store.arrivals import first_after
from app.store.reading import AsReader, reading
from app.store.schema import deliveries, is_dead, messages, reports, tries

ANSWERED, PENDING, GAVE_UP = "answered", "pending", "gave up"
WITHIN = (0.1, 1.0, 6.0)  # seconds until an answer is ready; past the last, Plivo has to call again


@dataclass(frozen=True, slots=True)
class Slots:
    """So many slots of `seconds` each, the first from `start` (seconds since the epoch) on."""

    start: float
    seconds: float
    count: int

    @property
    def end(self) -> float:
        """When the last slot ends."""
        return self.start + self.seconds * self.count


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """The counts of each kind, a number a slot. Kinds that never occurred are missing."""

    outcomes: dict[str, list[int]]  # of messages: answered, pending, gave up, or the kind of silence
    within: dict[float | None, list[int]]  # answers that were ready within so many seconds; None: later
    failed_calls: list[int]  # calls on which a rule failed and nothing answered
    accepted: list[int]  # attempts of deliveries
    failed: list[int]  # likewise
    dead: list[int]  # deliveries that ended as dead


class _slot(FunctionElement[int]):  # noqa: N801 - reads as SQL
    """The slot of a time, from 0."""

    type = sa.Integer()
    inherit_cache = True


@compiles(_slot, "sqlite")
def _truncated(element: _slot, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses.clauses[0], **options)} AS INTEGER)"


@compiles(_slot, "postgresql")
def _floored(element: _slot, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(FLOOR({compiler.process(element.clauses.clauses[0], **options)}) AS INTEGER)"


async def count(engine: AsyncEngine, slots: Slots, without: Collection[str]) -> SlotCounts:
    """Count what came in these slots, except for what concerns the people in `without`. Raises `Unavailable`."""
    found = SlotCounts({}, {}, *([0] * slots.count for _ in range(4)))
    async with reading(engine) as connection:
        await _count_messages(connection, slots, without, found)
        await _count_attempts(connection, slots, without, found)
        await _count_dead(connection, slots, without, found)
    return found


async def _count_messages(
    connection: AsyncConnection, slots: Slots, without: Collection[str], found: SlotCounts
) -> None:
    first = await _first(connection, messages.c.id, messages.c.received_at, slots)
    kind, place = _outcome().label("outcome"), _place().label("place")
    sums = sa.func.count(), sa.func.sum(messages.c.failures)
    query = _grouped(messages.c.received_at, slots, kind, place, *sums).group_by("outcome", "place")
    if without:
        query = query.where(messages.c.person.not_in(without))
    for slot, outcome, within, number, failures in await connection.execute(query.where(messages.c.id >= first)):
        found.outcomes.setdefault(outcome, [0] * slots.count)[slot] += number
        found.failed_calls[slot] += failures
        if outcome == ANSWERED:
            limit = WITHIN[within] if within < len(WITHIN) else None
            found.within.setdefault(limit, [0] * slots.count)[slot] += number


async def _count_attempts(
    connection: AsyncConnection, slots: Slots, without: Collection[str], found: SlotCounts
) -> None:
    first = await _first(connection, tries.c.id, tries.c.at, slots)
    accepted = sa.func.sum(sa.case((tries.c.status.between(200, 299), 1), else_=0))
    query = _grouped(tries.c.at, slots, sa.func.count(), accepted).where(tries.c.id >= first)
    for slot, number, good in await connection.execute(query.where(*_delivered(tries.c.delivery_id, without))):
        found.accepted[slot] += good
        found.failed[slot] += number - good


async def _count_dead(connection: AsyncConnection, slots: Slots, without: Collection[str], found: SlotCounts) -> None:
    query = _grouped(deliveries.c.settled_at, slots, sa.func.count()).where(is_dead)
    for slot, number in await connection.execute(query.where(*_delivered(deliveries.c.id, without))):
        found.dead[slot] += number


async def _first(connection: AsyncConnection, id_: sa.Column[int], arrived: sa.Column[float], slots: Slots) -> int:
    """Return the id of a row before which none came in the slots. Rows may be a little out of order."""
    return await first_after(AsReader(connection), id_, arrived, slots.start - slots.seconds)


def _grouped(at: sa.Column[Any], slots: Slots, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select columns by slot. Groups are named by label, since equal expressions with parameters differ in SQL."""
    slot = _slot((at - slots.start) / slots.seconds).label("slot")
    return sa.select(slot, *columns).where(at >= slots.start, at < slots.end).group_by("slot")


def _delivered(delivery: sa.Column[int], without: Collection[str]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that a delivery concerns nobody in `without`."""
    theirs = sa.select(deliveries.c.id).join(reports, reports.c.id == deliveries.c.report_id)
    return (delivery.not_in(theirs.where(reports.c.person.in_(without))),) if without else ()


def _outcome() -> sa.ColumnElement[str]:
    """Return what became of a message, in a word. Most messages meet the first condition."""
    column = messages.c
    return sa.case(
        (column.reply_units > 0, ANSWERED),
        (column.state == "pending", PENDING),
        (column.rule == OPT_OUT, OPTED_OUT.name),
        (column.reason == RULES_FAILED, GAVE_UP),
        *((_is(kind), kind.name) for kind in KINDS),
        else_=ON_PURPOSE,
    )


def _is(kind: Kind) -> sa.ColumnElement[bool]:
    """Return whether a reason is of a kind."""
    reason = messages.c.reason
    found: list[sa.ColumnElement[bool]] = [reason.in_(kind.texts)] if kind.texts else []
    if kind.beginning:
        found.append(reason.startswith(kind.beginning, autoescape=True))
    if kind.end:
        found.append(reason.endswith(kind.end, autoescape=True))
    return sa.or_(*found)


def _place() -> sa.ColumnElement[int]:
    """Return the place in `WITHIN` of the time until the answer was ready."""
    took = messages.c.answered_at - messages.c.received_at
    return sa.case(*((took < limit, place) for place, limit in enumerate(WITHIN)), else_=len(WITHIN))
