"""Counts of messages and deliveries in slots of equal length, summed up in SQL: one statement a table.

Messages and attempts are in order of arrival, so a span of time is a range of ids (`arrivals.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from app.replies.reasons import KINDS, ON_PURPOSE, OPT_OUT, OPTED_OUT, RULES_FAILED, Silence
from app.store.arrivals import first_after
from app.store.reading import AsReader, reading
from app.store.schema import deliveries, is_dead, messages, reports, tries

WITHIN = (0.1, 1.0, 6.0)  # seconds until an answer is ready; past the last, Plivo has to call again
PENDING: Final = "pending"
GAVE_UP: Final = "gave up"
Outcome = float | Literal["pending", "gave up"] | Silence | None
OUTCOMES: tuple[Outcome, ...] = (*WITHIN, None, PENDING, GAVE_UP, *get_args(Silence))


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

    outcomes: dict[Outcome, list[int]]  # of messages: answered within so many seconds, or None: later; or why not
    failed_calls: list[int]  # calls on which a rule failed and nothing answered
    accepted: list[int]  # attempts of deliveries
    failed: list[int]  # likewise
    dead: list[int]  # deliveries that ended as dead


Work = Callable[[AsyncConnection, Slots, Collection[str], SlotCounts], Awaitable[None]]


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
    found = SlotCounts({}, *([0] * slots.count for _ in range(4)))

    async def run(work: Work) -> None:
        async with reading(engine) as connection:
            await work(connection, slots, without, found)

    scans = run(_count_messages), run(_count_attempts), run(_count_dead)  # each is the work of a thread
    for failed in filter(None, await asyncio.gather(*scans, return_exceptions=True)):  # none may outlive this read
        raise failed
    return found


async def _count_messages(
    connection: AsyncConnection, slots: Slots, without: Collection[str], found: SlotCounts
) -> None:
    first = await _first(connection, messages.c.id, messages.c.received_at, slots)
    sums = sa.func.count(), sa.func.sum(messages.c.failures)
    at = messages.c.received_at
    both = _slot_of(at, slots) * len(OUTCOMES) + _outcome()  # one number sorts faster than two
    query = _grouped(at, slots, both, *sums)
    if without:
        query = query.where(messages.c.person.not_in(without))
    for both_of, number, failures in await connection.execute(query.where(messages.c.id >= first)):
        slot, place = divmod(both_of, len(OUTCOMES))
        found.outcomes.setdefault(OUTCOMES[place], [0] * slots.count)[slot] += number
        found.failed_calls[slot] += failures


async def _count_attempts(
    connection: AsyncConnection, slots: Slots, without: Collection[str], found: SlotCounts
) -> None:
    first = await _first(connection, tries.c.id, tries.c.at, slots)
    accepted = sa.func.sum(sa.case((tries.c.status.between(200, 299), 1), else_=0))
    query = _grouped(tries.c.at, slots, _slot_of(tries.c.at, slots), sa.func.count(), accepted)
    ours = tries.c.id >= first, *_delivered(tries.c.delivery_id, without)
    for slot, number, good in await connection.execute(query.where(*ours)):
        found.accepted[slot] += good
        found.failed[slot] += number - good


async def _count_dead(connection: AsyncConnection, slots: Slots, without: Collection[str], found: SlotCounts) -> None:
    died = deliveries.c.settled_at
    query = _grouped(died, slots, _slot_of(died, slots), sa.func.count()).where(is_dead)
    for slot, number in await connection.execute(query.where(*_delivered(deliveries.c.id, without))):
        found.dead[slot] += number


async def _first(connection: AsyncConnection, id_: sa.Column[int], arrived: sa.Column[float], slots: Slots) -> int:
    """Return the id of a row before which none came in the slots. Rows may be a little out of order."""
    return await first_after(AsReader(connection), id_, arrived, slots.start - slots.seconds)


def _slot_of(at: sa.Column[Any], slots: Slots) -> sa.ColumnElement[int]:
    return _slot((at - slots.start) / slots.seconds)


def _grouped(
    at: sa.Column[Any], slots: Slots, key: sa.ColumnElement[int], *columns: sa.ColumnElement[Any]
) -> sa.Select[Any]:
    """Select columns by key. The group is named by its label: equal expressions with parameters differ in SQL."""
    query = sa.select(key.label("key"), *columns).where(at >= slots.start, at < slots.end)
    return query.group_by("key")


def _delivered(delivery: sa.Column[int], without: Collection[str]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that a delivery concerns nobody in `without`."""
    theirs = sa.select(deliveries.c.id).join(reports, reports.c.id == deliveries.c.report_id)
    return (delivery.not_in(theirs.where(reports.c.person.in_(without))),) if without else ()


def _outcome() -> sa.ColumnElement[int]:
    """Return the place in `OUTCOMES` of what became of a message: a number sorts faster than a word.

    The conditions that most messages meet, and those that cost least, stand first.
    """
    column = messages.c
    took = column.answered_at - column.received_at
    answered = sa.case(*((took < limit, _place(limit)) for limit in WITHIN), else_=_place(None))
    return sa.case(
        (column.reply_units > 0, answered),
        (column.state == "pending", _place(PENDING)),
        (column.rule == OPT_OUT, _place(OPTED_OUT.name)),
        (column.reason == RULES_FAILED, _place(GAVE_UP)),
        *((column.reason == text, _place(kind.name)) for kind in KINDS for text in kind.texts),
        *((_begins(kind.beginning), _place(kind.name)) for kind in KINDS if kind.beginning),
        *((_ends(kind.end), _place(kind.name)) for kind in KINDS if kind.end),
        else_=_place(ON_PURPOSE),
    )


def _place(outcome: Outcome) -> sa.ColumnElement[int]:
    return sa.literal_column(str(OUTCOMES.index(outcome)), sa.Integer)


def _begins(text: str) -> sa.ColumnElement[bool]:
    return messages.c.reason.startswith(text, autoescape=True)


def _ends(text: str) -> sa.ColumnElement[bool]:
    return messages.c.reason.endswith(text, autoescape=True)
