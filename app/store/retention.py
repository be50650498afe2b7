"""Retention: what is kept, and until when. It runs in small steps, so that nothing waits for it.

Opt-outs and the signatures that prove them never expire. A text is kept for `keep_text`, and so are the responses of
targets, which may repeat it; the XML of an answer for at least a day (G3). A delivery that is still due at the end of
`keep` is marked dead with an error line, and is kept as long again (G6).

Messages, proofs and attempts are in order of arrival. Each step looks at the next rows behind those that were swept
before (`sweeps`), and never at the same row twice. It stops at the first row that is too young, even if a wrong clock
has stamped a later one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import sqlalchemy as sa

from app.settings import StoreSettings
from app.store.arrivals import first_after
from app.store.clock import now
from app.store.database import insert_or
from app.store.driver import Connection
from app.store.errors import StoreError
from app.store.schema import cooldowns, deliveries, is_due, messages, proofs, reports, spending, sweeps, tries
from app.store.statement import Statement, values_of
from app.store.usage import AHEAD, SLOT
from app.telemetry import get_logger

log = get_logger("store")

BATCH = 500  # rows a step: a few milliseconds of the writer's time
PAUSE = 0.2  # seconds between steps
START = 60.0  # seconds after the start: first traffic, then sweeping
INTERVAL = 600.0  # seconds between rounds
DAY = 86400.0
TOO_OLD = "no target accepted it within [store] keep or keep_text"


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of one step: whether there is more to do, and how many deliveries were marked dead."""

    more: bool
    given_up: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A change to the rows of a table, in order of arrival, once they are older than `age` seconds."""

    name: str
    table: sa.Table
    arrived: sa.Column[float]
    change: Statement  # of the rows from `low` to before `high`
    age: Callable[[StoreSettings], float]


Work = Callable[[Connection], Coroutine[Any, Any, Swept]]


async def run(write: Callable[[Work], Awaitable[Swept]], kept: StoreSettings) -> None:
    """Sweep for ever, each step in its own transaction. If the store cannot write, the next round tries again."""
    wait = START
    while True:
        await asyncio.sleep(wait)
        try:
            swept = await write(partial(sweep, kept=kept))
        except StoreError as error:
            log.error("retention sweep failed", reason=str(error))
            swept = Swept(more=False, given_up=0)
        if swept.given_up:
            log.error("deliveries given up", deliveries=swept.given_up, reason=TOO_OLD)
        wait = PAUSE if swept.more else INTERVAL


async def sweep(connection: Connection, kept: StoreSettings) -> Swept:
    """Run one step of every sweep."""
    ages = {"rows": kept.keep, "text": min(kept.keep, kept.keep_text), "dead_at": kept.keep}
    given_up = await connection.execute_many(_GIVE_UP, [ages])
    more = given_up >= BATCH
    for one in SWEEPS:
        more |= await _advance(connection, one, one.age(kept))
    for statement in _OLD:
        more |= await connection.execute_many(statement, [{"age": kept.keep, "slot_age": kept.keep / SLOT}]) >= BATCH
    return Swept(more, given_up)


async def _advance(connection: Connection, one: Sweep, age: float) -> bool:
    """Change the next rows that are old enough. Return whether there may be more."""
    found = await connection.fetch(_SWEPT, {"name": one.name})
    low = found[0][0] if found else 0
    cutoff = (await connection.fetch(_NOW, {}))[0][0] - age
    end = await first_after(connection, one.table.c.id, one.arrived, cutoff)
    some = {"low": low, "high": min(low + BATCH, end), "cutoff": cutoff, "until": cutoff + age + AHEAD}
    young = (await connection.fetch(_young(one.table, one.arrived), some))[0][0]
    high = int(some["high"] if young is None else young)
    if high <= low:
        return False
    await connection.execute(one.change, {"low": low, "high": high})
    await connection.execute(_SWEEP, {"name": one.name, "id": high})
    return high < end


def _rows(table: sa.Table) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.id >= sa.bindparam("low"), table.c.id < sa.bindparam("high")


@cache
def _young(table: sa.Table, arrived: sa.Column[float]) -> Statement:
    """Return the statement for the first row of a range that arrived after a moment."""
    came = arrived > sa.bindparam("cutoff"), arrived <= sa.bindparam("until")
    return Statement(sa.select(sa.func.min(table.c.id)).where(*_rows(table), *came))


_NOW = Statement(sa.select(now()))
_SWEPT = Statement(sa.select(sweeps.c.id).where(sweeps.c.name == sa.bindparam("name")))
_SWEEP = Statement(insert_or(sweeps, lambda new: {"id": new.id}).values(values_of(sweeps)))

SWEEPS = (
    Sweep(
        "texts",
        messages,
        messages.c.received_at,
        Statement(sa.update(messages).where(*_rows(messages)).values(text=None, media="[]", parameters=None)),
        lambda kept: kept.keep_text,
    ),
    Sweep(
        "answers",
        messages,
        messages.c.received_at,
        Statement(sa.update(messages).where(*_rows(messages)).values(xml=b"")),
        lambda kept: max(kept.keep_text, DAY),
    ),
    Sweep(
        "responses",
        tries,
        tries.c.at,
        Statement(sa.update(tries).where(*_rows(tries)).values(response=None)),
        lambda kept: kept.keep_text,
    ),
    Sweep(
        "messages",
        messages,
        messages.c.received_at,
        Statement(sa.delete(messages).where(*_rows(messages))),
        lambda kept: kept.keep,
    ),
    Sweep(
        "proofs",
        proofs,
        proofs.c.bound_at,
        Statement(sa.delete(proofs).where(*_rows(proofs), proofs.c.opt_out == sa.literal_column("0"))),
        lambda kept: max(kept.keep, DAY),
    ),
)


def _give_up() -> Statement:
    """Return the statement that marks old deliveries as dead (G6).

    They stay visible as dead for as long again. A copy of a message dies with its text.
    """
    copied = sa.exists().where(reports.c.id == deliveries.c.report_id, reports.c.kind == sa.literal_column("'message'"))
    started_at = sa.func.coalesce(deliveries.c.replayed_at, deliveries.c.created_at)
    soonest = now() - sa.bindparam("text", type_=sa.Double)
    late = sa.or_(started_at < now() - sa.bindparam("rows", type_=sa.Double), copied)
    old = sa.select(deliveries.c.id).where(is_due, deliveries.c.created_at < soonest, started_at < soonest, late)
    dead = {"state": "dead", "lease": None, "settled_at": now(), "error": TOO_OLD}
    chosen = old.limit(sa.literal_column(str(BATCH)))
    return Statement(sa.update(deliveries).where(deliveries.c.id.in_(chosen)).values(dead), counted=True)


def _old_reports() -> Statement:
    """Return the statement that deletes reports whose deliveries are over. Dead ones are kept for as long again."""
    age = now() - sa.bindparam("age", type_=sa.Double)
    died = sa.and_(deliveries.c.state != sa.literal_column("'done'"), deliveries.c.settled_at >= age)
    wanted = sa.exists().where(deliveries.c.report_id == reports.c.id, sa.or_(is_due, died))
    old = sa.select(reports.c.id).where(reports.c.received_at < age, ~wanted).limit(sa.literal_column(str(BATCH)))
    return Statement(sa.delete(reports).where(reports.c.id.in_(old)), counted=True)


def _old_cooldowns() -> Statement:
    key = tuple(cooldowns.primary_key)
    age = now() - sa.bindparam("age", type_=sa.Double)
    old = sa.select(*key).where(cooldowns.c.at < age).limit(sa.literal_column(str(BATCH)))
    return Statement(sa.delete(cooldowns).where(sa.tuple_(*key).in_(old)), counted=True)


_GIVE_UP = _give_up()
_OLD = (
    _old_reports(),
    _old_cooldowns(),
    Statement(
        sa.delete(spending).where(spending.c.slot < now() / SLOT - sa.bindparam("slot_age", type_=sa.Double)),
        counted=True,
    ),
)
