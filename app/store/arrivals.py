"""Find rows by time. Messages are in order of arrival, so a range of time is a range of ids."""

from functools import cache

import sqlalchemy as sa

from app.store.driver import Reader
from app.store.schema import messages
from app.store.statement import Statement

FRESH = 60.0  # seconds that a found row serves: what is looked at grows by a minute's messages at most


class Arrivals:
    """A finder of the first row in a window that ends now. It remembers the row for a while."""

    def __init__(self) -> None:
        self._found: dict[float, tuple[float, int]] = {}  # window -> (when it was looked up, id)

    async def first_id(self, connection: Reader, window: float, now: float) -> int:
        """Return the id of a row before which none arrived in the last `window` seconds."""
        looked_up, found = self._found.get(window, (float("-inf"), 0))
        if not 0 <= now - looked_up < FRESH:
            found = await first_after(connection, messages.c.id, messages.c.received_at, now - window)
            self._found[window] = now, found
        return found


async def first_after(connection: Reader, id_: sa.Column[int], arrived: sa.Column[float], since: float) -> int:
    """Return the id of the first row that arrived after `since`, or an id above all others. Uses binary search."""
    bounds, probe = _statements(id_, arrived)
    low, high = (await connection.fetch(bounds, {}))[0]
    if low is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        found, at = (await connection.fetch(probe, {"id": middle}))[0]
        if at > since:
            high = middle
        else:
            low = found + 1
    return int(low)


@cache
def _statements(id_: sa.Column[int], arrived: sa.Column[float]) -> tuple[Statement, Statement]:
    """Return the statements for the lowest and the highest id, and for the first row from an id on."""
    first = sa.select(id_, arrived).where(id_ >= sa.bindparam("id")).order_by(id_).limit(sa.literal_column("1"))
    return Statement(sa.select(sa.func.min(id_), sa.func.max(id_))), Statement(first)
