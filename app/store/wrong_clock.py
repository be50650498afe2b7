"""Correct what a clock that was ahead has written, when a server starts.

Otherwise limits would suppress replies, and cooldowns would last, until the clock gets there. Deliveries have their own
rules (`due_times.py`). Opt-outs are compared by their order, so no clock affects them.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from app.store.clock import now
from app.store.schema import cooldowns, messages, spending
from app.store.usage import SLOT


def draw_back(connection: sa.Connection, orders: Sequence[None]) -> list[int]:
    """Correct rows, and return how many were in the future."""
    return [_messages(connection) + _cooldowns(connection) + _spending(connection) for _ in orders]


def _messages(connection: sa.Connection) -> int:
    """Correct messages. They are in order of arrival, so only the newest are read."""
    past = sa.select(messages.c.id).where(messages.c.received_at <= now()).order_by(messages.c.id.desc()).limit(1)
    newest_past = connection.scalar(past) or 0
    ahead = messages.c.id > newest_past, messages.c.received_at > now()
    return connection.execute(sa.update(messages).where(*ahead).values(received_at=now())).rowcount


def _cooldowns(connection: sa.Connection) -> int:
    return connection.execute(sa.update(cooldowns).where(cooldowns.c.at > now()).values(at=now())).rowcount


def _spending(connection: sa.Connection) -> int:
    """Count units of future slots as spent in the current slot."""
    this_slot = int(connection.execute(sa.select(now())).scalar_one() // SLOT)
    ahead = list(connection.execute(sa.select(spending).where(spending.c.slot > this_slot)))
    for scope, slot, units in ahead:
        here = spending.c.scope == scope, spending.c.slot == this_slot
        known = connection.execute(sa.update(spending).where(*here).values(units=spending.c.units + units)).rowcount
        if not known:
            connection.execute(sa.insert(spending).values(scope=scope, slot=this_slot, units=units))
        connection.execute(sa.delete(spending).where(spending.c.scope == scope, spending.c.slot == slot))
    return len(ahead)
