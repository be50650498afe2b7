"""The last failures of targets: the deliveries that died last, and those that wait for a retry."""

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.queries import list_deliveries
from app.store.reading import reading
from app.store.records import DeliveryRecord
from app.store.schema import deliveries, is_dead, is_due
from app.store.selection import Selection

LOOKED_AT = 500  # deliveries of a target that are due; those that failed are due later than those that are new


async def last_failures(engine: AsyncEngine, targets: Collection[str], each: int) -> list[DeliveryRecord]:
    """Return deliveries that failed, with their attempts: at most `each` dead and `each` due ones of every target.

    The newest come first. Raises `Unavailable`.
    """
    if not targets:
        return []
    async with reading(engine) as connection:
        found = await connection.scalars(sa.union_all(*(one for target in targets for one in _ids(target, each))))
        ids = tuple(found.all())
    return await list_deliveries(engine, Selection(ids=ids), len(ids)) if ids else []


def _ids(target: str, each: int) -> Iterator[sa.Select[Any]]:
    theirs = deliveries.c.target == target
    dead = sa.select(deliveries.c.id).where(theirs, is_dead).order_by(deliveries.c.id.desc()).limit(each)
    yield sa.select(dead.subquery().c.id)
    due = sa.select(deliveries.c.id, deliveries.c.error).where(theirs, is_due)
    last = due.order_by(deliveries.c.due_at.desc()).limit(LOOKED_AT).subquery()
    yield sa.select(sa.select(last.c.id).where(last.c.error.is_not(None)).limit(each).subquery().c.id)
