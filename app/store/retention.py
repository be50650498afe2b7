"""What is kept, and until when. In small batches through the one writer, so that nobody waits for it.

Opt-outs never expire. A text is kept for `keep_text`; the XML of an answer at least a day (law 3).
A delivery that is due holds its report back, however old.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.guards.ledger import Unavailable
from app.store.database import now
from app.store.memory import SLOT
from app.store.tables import claims, cooldowns, deliveries, messages, proofs, replies, reports, spending
from app.store.writer import Writer

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
            more = await writer.submit(sweep, keep)
        except Unavailable:
            more = False
        wait = PAUSE if more else INTERVAL


def sweep(connection: sa.Connection, keeps: Sequence[Keep]) -> list[bool]:
    """One batch of everything; whether a batch was full, so that there may be more."""
    return [_sweep(connection, keep) for keep in keeps]


def _sweep(connection: sa.Connection, keep: Keep) -> bool:
    old_messages = sa.select(messages.c.message_uuid).where(messages.c.received_at < now() - keep.rows)
    due = sa.exists().where(deliveries.c.report_id == reports.c.id, deliveries.c.state == "due")
    old_reports = sa.select(reports.c.id).where(reports.c.received_at < now() - keep.rows, ~due)
    old_proofs = sa.select(proofs.c.key).where(proofs.c.bound_at < now() - max(keep.rows, DAY))
    old_texts = sa.select(messages.c.message_uuid).where(
        messages.c.received_at < now() - keep.text, messages.c.text.is_not(None)
    )
    old_answers = sa.select(messages.c.message_uuid).where(
        messages.c.received_at < now() - max(keep.text, DAY), messages.c.xml != b""
    )
    old_claims = sa.select(claims.c.message_uuid).where(claims.c.until < now() - DAY)
    old_replies = sa.select(replies.c.message_uuid).where(replies.c.at < now() - keep.rows)
    changes = [
        sa.delete(claims).where(claims.c.message_uuid.in_(old_claims.limit(BATCH))),
        sa.delete(replies).where(replies.c.message_uuid.in_(old_replies.limit(BATCH))),
        sa.delete(spending).where(spending.c.slot < (now() - keep.rows) / SLOT),
        sa.delete(cooldowns).where(cooldowns.c.at < now() - keep.rows),
        sa.delete(messages).where(messages.c.message_uuid.in_(old_messages.limit(BATCH))),
        sa.delete(reports).where(reports.c.id.in_(old_reports.limit(BATCH))),
        sa.delete(proofs).where(proofs.c.key.in_(old_proofs.limit(BATCH))),
        sa.update(messages).where(messages.c.message_uuid.in_(old_texts.limit(BATCH))).values(text=None, media="[]"),
        sa.update(messages).where(messages.c.message_uuid.in_(old_answers.limit(BATCH))).values(xml=b""),
    ]
    return max(connection.execute(change).rowcount for change in changes) >= BATCH
