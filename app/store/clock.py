"""The database's clock, by which rows are due and expire: `autoreply_now()` in SQL, the same for all processes.

On SQLite it is a Python function, so that a test can control it. PostgreSQL has it from the first migration.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

Clock = Callable[[], float]


class now(FunctionElement[float]):  # noqa: N801 - reads as SQL
    """The time in seconds since the epoch, by the database's clock."""

    type = sa.Double()
    inherit_cache = True


@compiles(now)
def now_in_sql(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    """Return the SQL of `now`, which asks once a statement, so that an index may serve to compare with it."""
    return "(SELECT autoreply_now())"


def never_back(wall: Clock, monotonic: Clock) -> Clock:
    """Return a wall clock that never goes back: what is due in 5 s stays due in 5 s when the clock is put back.

    A clock that is put forward is followed, as after a machine has slept, so a leased delivery may be leased again.
    """
    ahead = wall() - monotonic()

    def look() -> float:
        nonlocal ahead
        now = monotonic()
        ahead = max(ahead, wall() - now)
        return now + ahead

    return look
