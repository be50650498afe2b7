"""Copy a whole store into another, empty one: the move to PostgreSQL, or back.

Three tables get special treatment. The heartbeat and instances say nothing about a store that is not served, and the
leases of deliveries are not held any more.

Everything is one transaction at the destination, so a crash leaves it as it was.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.settings import StoreSettings
from app.store import BrokenStore, StoreInUse, open_database, retention
from app.store.clock import now
from app.store.database import Database, readers
from app.store.delivery_commands import leave_trace
from app.store.errors import StoreError, described
from app.store.schema import deliveries, heartbeat, instances, messages, metadata, sweeps

BATCH = 1_000  # rows in memory

OF_SERVERS = (heartbeat, instances)
TABLES = [table for table in metadata.sorted_tables if table not in OF_SERVERS]  # whom a row refers to comes first


async def copy(source: StoreSettings, destination: StoreSettings, who: str, tell: Callable[[str, int], None]) -> None:
    """Copy everything. `tell` is called with each table and its number of rows. Nothing may serve from either store.

    Raises `BrokenStore` or `NewerStore`.
    """
    if _is_same(source, destination):
        raise BrokenStore("the store would be copied into itself")
    async with AsyncExitStack() as stack:
        try:
            old = await stack.enter_async_context(open_database(source, serving=True))
            new = await stack.enter_async_context(open_database(destination, serving=True))
            await _copy(old, new, f"copy from {source.shown}", who, tell)
        except StoreInUse as error:
            raise BrokenStore(f"stop the server first: {error}") from None
        except (OSError, DBAPIError, StoreError) as error:
            message = f"{source.shown} could not be copied, nothing has changed: {described(error)}"
            raise BrokenStore(message) from error


def _is_same(source: StoreSettings, destination: StoreSettings) -> bool:
    """Return whether these are the same store. A file may have several names."""
    if source.file and destination.file and source.file.exists() and destination.file.exists():
        return source.file.samefile(destination.file)
    return source.url == destination.url


async def _copy(old: Database, new: Database, what: str, who: str, tell: Callable[[str, int], None]) -> None:
    async with readers(old.patient).connect() as reading, new.patient.begin() as writing:
        if reading.dialect.name == "postgresql":  # one moment of all tables
            await reading.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await _take(writing)
        rows = 0
        for table in TABLES:
            count = await _copy_table(reading, writing, table)
            tell(table.name, count)
            rows += count
        await writing.run_sync(_finish)
        await writing.run_sync(leave_trace, who, f"{what}: {rows} rows")


async def _take(writing: AsyncConnection) -> None:
    """Check that the destination is not in use and empty, and lock it. Raises `BrokenStore`."""
    if writing.dialect.name == "postgresql":  # a replica that was started too early waits, or gets 503
        names = ", ".join(table.name for table in TABLES)
        await writing.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
    counts = {table.name: await _count(writing, table) for table in TABLES}
    if held := [f"{count} in {name}" for name, count in counts.items() if count]:
        raise BrokenStore(f"the destination already has rows ({', '.join(held)}): give it an empty database")


async def _copy_table(reading: AsyncConnection, writing: AsyncConnection, table: sa.Table) -> int:
    """Copy a table and return its number of rows. Raises `BrokenStore` if any is missing afterwards."""
    found = await reading.stream(sa.select(table).execution_options(yield_per=BATCH))
    async for rows in found.mappings().partitions():
        await writing.execute(sa.insert(table), [dict(row) for row in rows])
    read, written = await _count(reading, table), await _count(writing, table)
    if read != written:
        raise BrokenStore(f"{table.name}: {read} rows were there, {written} arrived; nothing has changed")
    return written


async def _count(connection: AsyncConnection, table: sa.Table) -> int:
    return (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()


def _finish(connection: sa.Connection) -> None:
    """Give new rows fresh ids, restart the sweeps, and make the old server's leases due now."""
    if connection.dialect.name == "postgresql":
        for table in TABLES:
            if (column := table.autoincrement_column) is not None:
                serial = sa.func.pg_get_serial_sequence(table.name, column.name)
                highest = sa.func.max(column)
                connection.execute(sa.select(sa.func.setval(serial, highest)).having(highest.is_not(None)))
    connection.execute(sa.update(deliveries).where(deliveries.c.lease.is_not(None)).values(due_at=now(), lease=None))
    for sweep in retention.SWEEPS:
        following = sa.select(sa.func.coalesce(sa.func.max(sweep.table.c.id), 0) + 1).scalar_subquery()
        behind = sa.update(sweeps).where(sweeps.c.name == sweep.name, sweeps.c.id > following)
        connection.execute(behind.values(id=following))
    pending = messages.c.state == "pending"
    connection.execute(sa.update(messages).where(pending).values(owner=None, claimed_until=now()))
