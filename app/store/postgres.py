"""PostgreSQL, for several processes on one store: the same statements through asyncpg (the extra `postgres`).

Every answer waits for the commit. Leases skip locked rows. Due times use the database's clock. Migrations hold an
advisory lock, so that replicas may start at once.

Nothing waits for ever. The server ends a statement that waits for a lock, and a transaction whose client is gone. A
statement without a response is ended here, and no older connection is trusted after that.
"""

import asyncio
import contextlib
import importlib.util
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.store.database import BrokenStore, R, Watch
from app.store.driver import Connection, PostgresConnection
from app.store.errors import described

POOL, OVERFLOW = 5, 5  # connections of readers; the writer takes one of them for each group
CONNECT_SECONDS = 3.0
CLOSE_SECONDS = 1.0  # a stop has 10 s in all
STATEMENT_SECONDS = 4  # waiting for a lock included; with it the writer is free again before most deadlines
PING_SECONDS = 2.0  # for one round trip, before a connection is used
PROVEN_SECONDS = 0.1  # since it was used last; no round trip then, for a busy writer
SILENCE_SECONDS = 5.0  # of a server that does not even end a statement: a stopped host, a cut cable
IDLE_SECONDS = 10  # between two statements of a transaction; who is gone that long holds no locks any more
BOUNDS = f"SET statement_timeout = '{STATEMENT_SECONDS}s'; SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"


class Postgres:
    """A PostgreSQL server. Connections are tested before use, so that a server that is back is used again at once."""

    watches: tuple[Watch, ...] = ()

    def __init__(self, url: sa.URL) -> None:
        if importlib.util.find_spec("asyncpg") is None:
            raise BrokenStore("PostgreSQL needs the extra: pip install 'plivo-autoreply[postgres]'")
        self.engine = create_async_engine(
            url,
            async_creator=_connector(url, command_timeout=SILENCE_SECONDS),
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_timeout=SILENCE_SECONDS,
            pool_use_lifo=True,  # the fresh ones first, once some have been lost
            hide_parameters=True,
        )
        _bound(self.engine)
        self.patient = create_async_engine(url, async_creator=_connector(url), poolclass=NullPool, hide_parameters=True)
        for engine in (self.engine, self.patient):
            sa.event.listen(engine.sync_engine, "before_cursor_execute", _without_nul, retval=True)

    async def write(self, work: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        """Implement `Database.write`, on a connection of the pool, which tests and limits it."""
        raw: Any = None
        try:
            async with self.engine.connect() as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                async with raw.transaction():
                    return await work(PostgresConnection(raw))
        except _failures() as error:
            raise described(error, lost=raw is not None and raw.is_closed()) from error

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """Implement `Database.transact`."""
        try:
            async with self.engine.begin() as connection:
                return await connection.run_sync(work)
        except _failures() as error:
            raise described(error) from error

    async def erase(self) -> None:
        """Do nothing. Deleted data leaves the files with the next vacuum, and archives by their own rules."""

    async def close(self) -> None:
        """Implement `Database.close`. A server that does not respond is left without a goodbye."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.engine.dispose()


def _failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of asyncpg, the pool and the system."""
    import asyncpg  # noqa: PLC0415 - an extra

    return (DBAPIError, PoolTimeout, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def _connector(url: sa.URL, **options: Any) -> Callable[[], Awaitable[Any]]:
    """Return a function that opens connections. asyncpg reads the URL and PGPASSFILE itself, as libpq does."""
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {"application_name": "plivo-autoreply"}

    async def connect() -> Any:
        import asyncpg  # noqa: PLC0415 - an extra

        return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, server_settings=settings, **options)

    return connect


def _bound(engine: AsyncEngine) -> None:
    """Limit statements. If the server does not respond to one, all connections count as lost."""

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _set(connection: Any, record: Any) -> None:
        # by a statement: PgBouncer refuses such settings among those of a new connection
        connection.run_async(lambda driver: driver.execute(BOUNDS))
        record.info["proven"] = time.monotonic()

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def _ask(connection: Any, record: Any, _fairy: Any) -> None:
        # SQLAlchemy's own pre-ping takes three round trips, and gives up no connection of a silent server
        if time.monotonic() - record.info["proven"] < PROVEN_SECONDS:
            return
        try:
            connection.run_async(lambda driver: driver.execute("SELECT 1", timeout=PING_SECONDS))
        except Exception as error:
            raise sa.exc.InvalidatePoolError from error

    @sa.event.listens_for(engine.sync_engine, "checkin")
    def _prove(_connection: Any, record: Any) -> None:
        record.info["proven"] = time.monotonic()

    @sa.event.listens_for(engine.sync_engine, "handle_error")
    def _lost(context: sa.engine.ExceptionContext) -> None:
        if isinstance(context.original_exception, TimeoutError):
            context.is_disconnect = True


def _without_nul(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool) -> Any:  # noqa: FBT001 - SQLAlchemy calls it
    """Remove NUL characters, which PostgreSQL's texts cannot contain, so that no report is refused for one."""
    return statement, _clean(given)


def _clean(given: Any) -> Any:
    """Remove NUL from one value, from a row of values, or from the values of many rows."""
    if isinstance(given, str):
        return given.replace("\0", "")
    return type(given)(map(_clean, given)) if isinstance(given, tuple | list) else given


def server_url(text: str) -> sa.URL:
    """Return a URL as operators write it (`postgres://`, `postgresql://`) for asyncpg."""
    return sa.make_url(f"postgresql+asyncpg://{text.partition('://')[2]}")
