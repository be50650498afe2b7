"""What is kept, and until when. In small batches so that nobody waits for it.

Opt-outs never expire. A text is kept for `keep_text`; the XML of an answer at least a day (G3).
A delivery that is still due at the end of `keep` dies with an error line, and is kept as long again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.store.database import now
from app.store.schema import claims, cooldowns, deliveries, is_due, messages, proofs, replies, reports, spending
from app.store.usage import SLOT
from app.store.writer import reason

log = logging.getLogger(__name__)  # this room leans on no other of ours; telemetry formats it all the same

BATCH = 500  # rows a statement: a few milliseconds of the writer's time
PAUSE = 0.2  # seconds between batches
START = 60.0  # seconds after the start: first traffic, then tidying
INTERVAL = 600.0  # seconds between rounds
DAY = 86400.0
TOO_OLD = "no target took it within [store] keep, or keep_text"


@dataclass(frozen=True, slots=True)
class Keep:
    """How long, in seconds."""

    rows: float
    text: float


@dataclass(frozen=True, slots=True)
class Swept:
    """What one batch did: whether some part of it was full, and how many deliveries died of old age."""

    more: bool
    given_up: int


async def run(transact: Callable[[Callable[[sa.Connection], Swept]], Awaitable[Swept]], keep: Keep) -> None:
    """Sweeps for ever, in transactions of its own, so that nobody's answer fails with it; a store that cannot write is
    asked again in the next round.
    """
    wait = START
    while True:
        await asyncio.sleep(wait)
        try:
            swept = await transact(partial(sweep, keep=keep))
        except (SQLAlchemyError, OSError) as error:
            log.error("nothing could be tidied up: %s", reason(error))
            swept = Swept(more=False, given_up=0)
        if swept.given_up:
            log.error("%d deliveries are given up: %s", swept.given_up, TOO_OLD)
        wait = PAUSE if swept.more else INTERVAL


def sweep(connection: sa.Connection, keep: Keep) -> Swept:
    """One batch of everything."""
    given_up = connection.execute(_give_up(keep)).rowcount
    counts = [connection.execute(change).rowcount for change in _changes(keep)]
    return Swept(max(counts) >= BATCH, given_up)


def _give_up(keep: Keep) -> sa.Update:
    """G6: what no target took within `keep` dies loudly, and stays visible as dead for as long again. A copy of a
    message dies with its text.
    """
    copied = sa.exists().where(reports.c.id == deliveries.c.report_id, reports.c.kind == "message")
    begun = sa.func.coalesce(deliveries.c.replayed_at, deliveries.c.created_at)
    late = sa.or_(begun < now() - keep.rows, copied)
    soonest = now() - min(keep.rows, keep.text)
    old = sa.select(deliveries.c.id).where(is_due, deliveries.c.created_at < soonest, begun < soonest, late)
    dead = {"state": "dead", "lease": None, "settled_at": now(), "error": TOO_OLD}
    return sa.update(deliveries).where(deliveries.c.id.in_(old.limit(BATCH))).values(dead)


def _changes(keep: Keep) -> list[sa.Delete | sa.Update]:
    old_messages = sa.select(messages.c.message_uuid).where(messages.c.received_at < now() - keep.rows)
    died = sa.and_(deliveries.c.state != "done", deliveries.c.settled_at >= now() - keep.rows)
    recent = sa.or_(deliveries.c.state == "due", died)
    wanted = sa.exists().where(deliveries.c.report_id == reports.c.id, recent)
    old_reports = sa.select(reports.c.id).where(reports.c.received_at < now() - keep.rows, ~wanted)
    old_proofs = sa.select(proofs.c.key).where(proofs.c.bound_at < now() - max(keep.rows, DAY))
    old_texts = sa.select(messages.c.message_uuid).where(
        messages.c.received_at < now() - keep.text, messages.c.text.is_not(None)
    )
    old_answers = sa.select(messages.c.message_uuid).where(
        messages.c.received_at < now() - max(keep.text, DAY), messages.c.xml != b""
    )
    old_claims = sa.select(claims.c.message_uuid).where(claims.c.until < now() - DAY)
    old_cooldowns = sa.select(*cooldowns.primary_key).where(cooldowns.c.at < now() - keep.rows)
    old_replies = sa.select(replies.c.message_uuid).where(replies.c.at < now() - keep.rows)
    return [
        sa.delete(claims).where(claims.c.message_uuid.in_(old_claims.limit(BATCH))),
        sa.delete(replies).where(replies.c.message_uuid.in_(old_replies.limit(BATCH))),
        sa.delete(spending).where(spending.c.slot < (now() - keep.rows) / SLOT),
        sa.delete(cooldowns).where(sa.tuple_(*cooldowns.primary_key).in_(old_cooldowns.limit(BATCH))),
        sa.delete(messages).where(messages.c.message_uuid.in_(old_messages.limit(BATCH))),
        sa.delete(reports).where(reports.c.id.in_(old_reports.limit(BATCH))),
        sa.delete(proofs).where(proofs.c.key.in_(old_proofs.limit(BATCH))),
        sa.update(messages)
        .where(messages.c.message_uuid.in_(old_texts.limit(BATCH)))
        .values(text=None, media="[]", parameters=None),
        sa.update(messages).where(messages.c.message_uuid.in_(old_answers.limit(BATCH))).values(xml=b""),
    ]
