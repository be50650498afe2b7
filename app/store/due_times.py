"""Correct due times that a wrong clock has set, when a server starts.

Otherwise a due time is stored once and never computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.store.clock import now
from app.store.schema import deliveries, is_due


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest time, in seconds, by which a delivery to one of these targets may be ahead."""

    targets: tuple[str, ...]
    delay: float  # of one that waits for its next attempt
    lease: float  # of one that is under way


def draw_back(connection: sa.Connection, orders: Sequence[Longest]) -> list[int]:
    """Correct due times. Return how many deliveries of each order were set by a clock that was ahead."""
    return [_shift(connection, order) + _bound(connection, order) for order in orders]


def _shift(connection: sa.Connection, order: Longest) -> int:
    """Shift deliveries that were stored in the future, so that each keeps its delay, counted from now."""
    stamps = (deliveries.c.created_at, deliveries.c.replayed_at, deliveries.c.settled_at)
    written_at = sa.func.coalesce(*reversed(stamps))
    past = {stamp.name: sa.case((stamp > now(), now()), else_=stamp) for stamp in stamps}
    shifted = sa.update(deliveries).values(due_at=deliveries.c.due_at - written_at + now(), **past)
    return connection.execute(shifted.where(*_ahead(order, 0.0), written_at > now())).rowcount


def _bound(connection: sa.Connection, order: Longest) -> int:
    """Make deliveries due now that are further ahead than any list, Retry-After or lease allows.

    A replay may be spread as far as an operator likes.
    """
    leased = deliveries.c.lease.is_not(None) & (deliveries.c.due_at > now() + order.lease)
    spread = deliveries.c.replayed_at.is_not(None) & (deliveries.c.attempts == 0)
    waits = (deliveries.c.due_at > now() + order.delay) & ~spread
    late = sa.update(deliveries).values(due_at=now())
    return connection.execute(late.where(*_ahead(order, min(order.delay, order.lease)), leased | waits)).rowcount


def _ahead(order: Longest, seconds: float) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for a due time later than that. The index by target and due time finds it."""
    return deliveries.c.target.in_(order.targets), is_due, deliveries.c.due_at > now() + seconds
