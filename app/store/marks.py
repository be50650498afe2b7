"""A mark of how far the store is: it differs as soon as something that pages show has changed."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.reading import reading
from app.store.schema import actions, messages, opt_outs, pauses, reports, tries

Mark = tuple[Any, ...]

_is_pending = messages.c.state == sa.literal_column("'pending'")
_MARK = sa.select(  # the ends of indexes, and two tables of few rows
    sa.select(sa.func.max(messages.c.id)).scalar_subquery(),
    sa.select(sa.func.count()).where(_is_pending).scalar_subquery(),
    sa.select(sa.func.max(reports.c.received_at)).scalar_subquery(),
    sa.select(sa.func.max(tries.c.id)).scalar_subquery(),
    sa.select(sa.func.max(opt_outs.c.id)).scalar_subquery(),
    sa.select(sa.func.max(actions.c.id)).scalar_subquery(),
    sa.select(sa.func.count()).select_from(pauses).scalar_subquery(),
)


async def mark(engine: AsyncEngine) -> Mark:
    """Return the mark of this moment. Raises `Unavailable`."""
    async with reading(engine) as connection:
        return tuple((await connection.execute(_MARK)).one())
