"""PostgreSQL, for several processes on one store: the same statements through asyncpg (the extra `postgres`).

Every answer waits for the commit. Leases skip locked rows; due times are the server's clock. Migrations hold an
advisory lock, so that three replicas may start at once.
"""

import importlib.util
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.database import BrokenStore, R

POOL, OVERFLOW = 5, 5  # connections of readers; the writer takes one of them for each group
CONNECT_SECONDS = 5.0


class Postgres:
    """A server. Connections are tested before use, so that a server that came back is used again at once."""

    def __init__(self, url: sa.URL) -> None:
        if importlib.util.find_spec("asyncpg") is None:
            raise BrokenStore("PostgreSQL needs the extra: pip install 'plivo-autoreply[postgres]'")
        self.engine = create_async_engine(
            url,
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"timeout": CONNECT_SECONDS, "server_settings": {"application_name": "plivo-autoreply"}},
        )

    async def transact(self, work: Callable[[sa.Connection], R]) -> R:
        """See `Database.transact`."""
        async with self.engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """See `Database.close`."""
        await self.engine.dispose()


def server_url(text: str) -> sa.URL:
    """A URL as operators write it (`postgres://`, `postgresql://`, `?sslmode=`), for asyncpg. Raises `ValueError`."""
    scheme, _, rest = text.partition("://")
    if scheme not in ("postgres", "postgresql"):
        message = "write postgresql://user@host/database"
        raise ValueError(message)
    try:
        url = sa.make_url(f"postgresql+asyncpg://{rest}")
    except (sa.exc.ArgumentError, ValueError):
        message = (
            "not a URL; write postgresql://user@host/database, with special characters of a password percent-encoded"
        )
        raise ValueError(message) from None
    mode = url.query.get("sslmode")
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode}) if mode else url
