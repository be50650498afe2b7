"""Raw connections for the hot path: one protocol over sqlite3 and asyncpg.

Work on a connection is written once, as coroutines. On PostgreSQL they are awaited on the event loop. On SQLite they
run in the writer's thread, where no method ever suspends, and `run_in_thread` runs them to their end.
"""

import sqlite3
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from app.store.statement import NOW, Statement, Values

R = TypeVar("R")
Row = Sequence[Any]


class Reader(Protocol):
    """A connection that returns rows."""

    async def fetch(self, statement: Statement, values: Values) -> list[Row]:
        """Return the rows of a statement."""
        ...


class Connection(Reader, Protocol):
    """A connection inside a transaction."""

    @property
    def shared(self) -> bool:
        """Whether other processes may write at the same time."""
        ...

    async def execute(self, statement: Statement, values: Values) -> None:
        """Execute a statement once."""
        ...

    async def execute_many(self, statement: Statement, rows: Sequence[Values]) -> int:
        """Execute a statement for each row. Return how many rows it changed if it is `counted`, else 0."""
        ...


class SqliteConnection:
    """A connection of sqlite3, in the writer's thread. `at` is the time of its transaction."""

    shared = False

    def __init__(self, raw: sqlite3.Connection, at: float) -> None:
        self._raw = raw
        self._time = {NOW: at}

    async def fetch(self, statement: Statement, values: Values) -> list[Row]:
        """Implement `Connection.fetch`."""
        sql, parameters, timed = statement.sqlite
        return self._raw.execute(sql, parameters({**values, **self._time} if timed else values)).fetchall()

    async def execute(self, statement: Statement, values: Values) -> None:
        """Implement `Connection.execute`."""
        await self.fetch(statement, values)

    async def execute_many(self, statement: Statement, rows: Sequence[Values]) -> int:
        """Implement `Connection.execute_many`."""
        sql, parameters, timed = statement.sqlite
        if timed:
            rows = [{**values, **self._time} for values in rows]
        return self._raw.executemany(sql, map(parameters, rows)).rowcount


class PostgresConnection:
    """A connection of asyncpg."""

    shared = True

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def fetch(self, statement: Statement, values: Values) -> list[Row]:
        """Implement `Connection.fetch`."""
        sql, parameters, _ = statement.postgres
        rows: list[Row] = await self._raw.fetch(sql, *parameters(values))
        return rows

    async def execute(self, statement: Statement, values: Values) -> None:
        """Implement `Connection.execute`."""
        sql, parameters, _ = statement.postgres
        await self._raw.execute(sql, *parameters(values))

    async def execute_many(self, statement: Statement, rows: Sequence[Values]) -> int:
        """Implement `Connection.execute_many`."""
        sql, parameters, _ = statement.postgres
        return len(await self._raw.fetchmany(sql, list(map(parameters, rows))))


def run_in_thread(work: Coroutine[Any, Any, R]) -> R:
    """Return the result of a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    work.close()
    message = "work on SQLite must not wait for the event loop"
    raise RuntimeError(message)
