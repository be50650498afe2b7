"""The interface of a database, with everything that differs between databases. Statements are shared.

A database has readers (an async engine), `write` for the writer's groups, `transact` for other changes, and a lock for
migrations. It also has a clock (`clock.py`). `sqlite.py` and `postgres.py` implement it.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine

from app.store.driver import Connection

MIGRATION_LOCK = 7_201_120  # any number, the same in every version

Watch = Callable[[], Coroutine[Any, Any, None]]
R = TypeVar("R")


class StoreInUse(Exception):
    """The error for a store that another process is serving."""


class BrokenStore(Exception):
    """The error for a store that cannot be opened. The message says why and what to do."""


class Database(Protocol):
    """An open database."""

    engine: AsyncEngine
    patient: AsyncEngine  # for what may take minutes: migrations, copies
    watches: tuple[Watch, ...]  # run while the store is served; none ever returns

    async def write(self, work: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        """Run `work` on the raw driver, for the writer, and return its result once it is committed. Raises
        `StoreError`.
        """
        ...

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """Run `work` through SQLAlchemy and return its result once it is committed. Raises `StoreError`."""
        ...

    async def erase(self) -> None:
        """Overwrite deleted data, as far as this database can. Raises `StoreError`."""
        ...

    async def close(self) -> None:
        """Close all connections and threads."""
        ...


def insert_new(table: sa.Table) -> postgresql.Insert:
    """Return an INSERT that ignores rows that exist. PostgreSQL's construct also compiles on SQLite."""
    return postgresql.insert(table).on_conflict_do_nothing()


def insert_or(
    table: sa.Table,
    update: Callable[[Any], Mapping[str, Any]],
    where: sa.ColumnElement[bool] | None = None,
) -> postgresql.Insert:
    """Return an INSERT that updates rows that exist. `update` gets the new values by name."""
    statement = postgresql.insert(table)
    key = list(table.primary_key.columns)
    return statement.on_conflict_do_update(index_elements=key, set_=update(statement.excluded), where=where)


def readers(engine: AsyncEngine) -> AsyncEngine:
    """Return the same engine for readers, whose transactions wait for nothing."""
    return engine.execution_options(autoreply_reads=True)


def lock_migrations(connection: sa.Connection) -> None:
    """Make other processes wait until the end of this transaction, if several may start at once."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
