"""Reads: a snapshot that waits for no writer, and an error that callers know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.plivo.refusals import Unavailable
from app.store.database import readers
from app.store.driver import Row
from app.store.errors import StoreError, described
from app.store.statement import Statement, Values


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection for reading. Raises `Unavailable`."""
    try:
        async with readers(engine).connect() as connection:
            yield connection
    except (DBAPIError, PoolTimeout, OSError, StoreError) as error:
        message = f"the store cannot be read: {described(error)}"
        raise Unavailable(message) from error


class AsReader:
    """A connection for reading that takes the statements of the hot path (`driver.Reader`), as they are compiled.

    They must not ask for the time of the transaction, which only the writer knows.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, values: Values) -> list[Row]:
        """Return the rows of a statement."""
        sql, parameters, _ = statement.sqlite if self._connection.dialect.name == "sqlite" else statement.postgres
        return list(await self._connection.exec_driver_sql(sql, parameters(values)))
