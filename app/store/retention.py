"""What is kept, and until when. In small batches through the one writer, so that nobody waits for it.

Opt-outs never expire. A text is kept for `keep_text`; the XML of an answer at least a day (law 3).
A delivery that is still due at the end of `keep` dies with an error line, and is kept as long again.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.guards.ledger import Unavailable
from app.store.database import now
from app.store.memory import SLOT
from app.store.tables import claims, cooldowns, deliveries, is_due, messages, proofs, replies, reports, spending
from app.store.writer import Writer

log = logging.getLogger(__name__)  # this room leans on no other of ours; telemetry formats it all the same

BATCH = 500  # rows a statement: a few milliseconds of the writer's time
PAUSE = 0.2  # seconds between batches
START = 60.0  # seconds after the start: first traffic, then tidying
INTERVAL = 600.0  # seconds between rounds
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Keep:
    """How long, in seconds."""

    rows: float
    text: float


async def run(writer: Writer, keep: Keep) -> None:
    """Sweeps for ever; a store that cannot write is asked again in the next round."""
    wait = START
    while True:
        await asyncio.sleep(wait)
        try:
            swept = await writer.submit(sweep, keep)
        except Unavailable:
            swept = Swept(more=False, given_up=0)
        if swept.given_up:
            log.error("%d deliveries are given up: no target took them within [store] keep", swept.given_up)
        wait = PAUSE if swept.more else INTERVAL


@dataclass(frozen=True, slots=True)
class Swept:
    """What one batch did: whether some part of it was full, and how many deliveries died of old age."""

    more: bool
    given_up: int


def sweep(connection: sa.Connection, keeps: Sequence[Keep]) -> list[Swept]:
    """One batch of everything."""
    return [_sweep(connection, keep) for keep in keeps]


def _sweep(connection: sa.Connection, keep: Keep) -> Swept:
    given_up = connection.execute(_give_up(keep)).rowcount
    counts = [connection.execute(change).rowcount for change in _changes(keep)]
    return Swept(max(counts) >= BATCH, given_up)


def _give_up(keep: Keep) -> sa.Update:
    """Law 6: what no target took within `keep` dies loudly, and stays visible as dead for as long again. A copy of a
    message dies with its text.
    """
    copies = sa.select(reports.c.id).where(reports.c.kind == "message")
    late = sa.or_(deliveries.c.created_at < now() - keep.rows, deliveries.c.report_id.in_(copies))
    old = sa.select(deliveries.c.id).where(is_due, deliveries.c.created_at < now() - min(keep.rows, keep.text), late)
    dead = {"state": "dead", "lease": None, "settled_at": now(), "error": "older than [store] keep, or keep_text"}
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
    old_replies = sa.select(replies.c.message_uuid).where(replies.c.at < now() - keep.rows)
    return [
        sa.delete(claims).where(claims.c.message_uuid.in_(old_claims.limit(BATCH))),
        sa.delete(replies).where(replies.c.message_uuid.in_(old_replies.limit(BATCH))),
        sa.delete(spending).where(spending.c.slot < (now() - keep.rows) / SLOT),
        sa.delete(cooldowns).where(cooldowns.c.at < now() - keep.rows),
        sa.delete(messages).where(messages.c.message_uuid.in_(old_messages.limit(BATCH))),
        sa.delete(reports).where(reports.c.id.in_(old_reports.limit(BATCH))),
        sa.delete(proofs).where(proofs.c.key.in_(old_proofs.limit(BATCH))),
        sa.update(messages)
        .where(messages.c.message_uuid.in_(old_texts.limit(BATCH)))
        .values(text=None, media="[]", parameters=None),
        sa.update(messages).where(messages.c.message_uuid.in_(old_answers.limit(BATCH))).values(xml=b""),
    ]
