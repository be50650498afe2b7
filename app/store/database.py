"""What differs between databases, behind one seam: `open_database`. Everything else is one statement set.

A database has readers (an async engine), `write` for the writer's groups and `transact` for other changes, a clock
(`autoreply_now()`, which the database defines, so that due times are its own), and a way to hold others off while it
migrates.
`sqlite.py` and `postgres.py` are the two there are.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from app.store.driver import Connection

MIGRATION_LOCK = 7_201_120  # any number, the same in every version

Clock = Callable[[], float]
Watch = Callable[[], Coroutine[Any, Any, None]]
R = TypeVar("R")


class StoreInUse(Exception):
    """Another process serves from this store."""


class BrokenStore(Exception):
    """The store cannot be opened; the message says why and what to do."""


class Database(Protocol):
    """An open database."""

    engine: AsyncEngine
    patient: AsyncEngine  # for what may take minutes: migrations, copies
    watches: tuple[Watch, ...]  # run while the store is served; none ever returns

    async def write(self, work: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        """What `work` returns, once it is committed: on the raw driver, for the writer. Raises `StoreError`."""
        ...

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """What `work` returns, once it is committed: through SQLAlchemy, for everything else. Raises `StoreError`."""
        ...

    async def erase(self) -> None:
        """Leave nothing readable of what was deleted, as far as this database can. Raises `StoreError`."""
        ...

    async def close(self) -> None:
        """Ends connections and threads."""
        ...


class now(FunctionElement[float]):  # noqa: N801 - reads as SQL
    """Seconds since the epoch, by the database's clock."""

    type = sa.Double()
    inherit_cache = True


@compiles(now)
def _now(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    return "(SELECT autoreply_now())"  # asked once a statement, so that an index may serve to compare with it


def never_back(wall: Clock, monotonic: Clock) -> Clock:
    """The wall clock, but when that is put back, time goes on from where it was: what is due in 5 s stays due in 5 s.
    A clock that is put forward is followed, as after a machine has slept; so what was leased may be leased again.
    """
    ahead = wall() - monotonic()

    def look() -> float:
        nonlocal ahead
        ahead = max(ahead, wall() - monotonic())
        return monotonic() + ahead

    return look


def insert_new(table: sa.Table) -> postgresql.Insert:
    """INSERT that leaves rows alone which are there already. PostgreSQL's construct compiles on SQLite, too."""
    return postgresql.insert(table).on_conflict_do_nothing()


def insert_or(
    table: sa.Table,
    update: Callable[[Any], Mapping[str, Any]],
    where: sa.ColumnElement[bool] | None = None,
) -> postgresql.Insert:
    """INSERT that updates the row that is there already; `update` gets the new values by name."""
    statement = postgresql.insert(table)
    key = list(table.primary_key.columns)
    return statement.on_conflict_do_update(index_elements=key, set_=update(statement.excluded), where=where)


def readers(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for those who only read: their transactions wait for nobody."""
    return engine.execution_options(autoreply_reads=True)


def lock_migrations(connection: sa.Connection) -> None:
    """Where several processes may start at once, others wait until the end of this transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
