"""Reads: a snapshot that waits for no writer, and an error that callers know."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.policies.ledger import Unavailable
from app.store.database import readers
from app.store.writer import reason


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for reading. Raises `Unavailable`."""
    try:
        async with readers(engine).connect() as connection:
            yield connection
    except (DBAPIError, PoolTimeout, OSError) as error:
        message = f"the store cannot be read: {reason(error)}"
        raise Unavailable(message) from error
