"""Locks for stores that several processes write to: what a transaction reads about a person or a budget stays true."""

from collections.abc import Iterable
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.store.driver import Connection
from app.store.statement import Statement

EVERYONE_LOCK = 7_201_121  # any number, the same in every version
LOCKS = 500  # of one transaction: a PostgreSQL has room for some 6,400 in all, by default

_keys = sa.func.unnest(sa.bindparam("keys", type_=postgresql.ARRAY(sa.BigInteger))).table_valued("key").render_derived()
_EACH = Statement(sa.select(sa.func.pg_advisory_xact_lock(_keys.c.key)))
_EVERYONE = Statement(sa.select(sa.func.pg_advisory_xact_lock(sa.literal_column(str(EVERYONE_LOCK)))))
_EVERYONE_SHARED = Statement(sa.select(sa.func.pg_advisory_xact_lock_shared(sa.literal_column(str(EVERYONE_LOCK)))))


async def hold(connection: Connection, names: Iterable[str]) -> None:
    """Hold these names until the transaction ends, in one order, so that no two transactions wait for each other."""
    if not connection.shared:
        return
    keys = sorted({int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True) for name in names})
    if len(keys) > LOCKS:
        await connection.fetch(_EVERYONE, {})
    elif keys:
        await connection.fetch(_EVERYONE_SHARED, {})
        await connection.fetch(_EACH, {"keys": keys})
