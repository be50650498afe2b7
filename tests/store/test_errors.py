"""G12: a database's failure in our own words; no text of a driver, which may hold values, paths and hosts."""

import asyncio
import socket
import sqlite3
import ssl
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from support.stored import entry

from app.plivo.refusals import Unavailable
from app.store import Store
from app.store.driver import Connection
from app.store.errors import StoreError, described
from app.store.schema import messages
from app.store.sqlite import Sqlite
from app.store.statement import Statement

SECRET = "33700000001 /data/autoreply.db db.internal s3cret"  # what must not be seen


def sqlite_error(name: str, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """As sqlite3 raises it."""
    error = kind(SECRET)
    error.sqlite_errorname = name
    return error


def postgres_error(state: str) -> Exception:
    """As asyncpg raises it."""
    error: Exception = asyncpg.PostgresError.new({"C": state, "M": SECRET, "D": SECRET})
    return error


SQLITE = {
    "SQLITE_BUSY": "another process holds the database locked",
    "SQLITE_BUSY_SNAPSHOT": "another process holds the database locked",
    "SQLITE_LOCKED": "another connection holds the database locked",
    "SQLITE_READONLY": "the file is read-only",
    "SQLITE_READONLY_DBMOVED": "the file is read-only",
    "SQLITE_IOERR_WRITE": "the disk reports an I/O error",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_NOTADB": "the file is not a SQLite database",
    "SQLITE_NOMEM": "out of memory",
}
POSTGRES = {
    "08006": "the connection to the database broke",
    "25006": "the database is read-only",
    "28P01": "the database refuses this user or password",
    "3D000": "there is no database of this name",
    "53300": "the database is out of resources",
    "55P03": "the database waits for a lock",
    "57014": "the database ended the statement or is shutting down",
    "57P01": "the database ended the statement or is shutting down",
    "58030": "the database's system reports an error",
}
UNWELL: dict[str, tuple[BaseException, str]] = {
    **{name: (sqlite_error(name), reason) for name, reason in SQLITE.items()},
    **{state: (postgres_error(state), reason) for state, reason in POSTGRES.items()},
    "a timeout of ours": (TimeoutError(SECRET), "the database does not answer"),
    "no free connection": (PoolTimeout(SECRET), "all connections to the database are in use"),
    "no such host": (OSError(SECRET), "the database does not answer"),
    "refused": (ConnectionRefusedError(111, f"Connect call failed {SECRET}"), "Connection refused"),
    "no name": (socket.gaierror(-2, SECRET), "the host of the database is not known"),
    "no TLS": (
        ConnectionError(f"{SECRET} rejected SSL upgrade"),
        "the database does not offer TLS, which sslmode requires",
    ),
    "untrusted": (
        ssl.SSLCertVerificationError(1, SECRET),
        "the certificate of the database is not trusted (sslrootcert)",
    ),
    "TLS": (ssl.SSLError(1, SECRET), "TLS with the database failed"),
}
ITS_OWN_FAULT: dict[str, tuple[BaseException, str]] = {
    "constraint": (
        sqlite_error("SQLITE_CONSTRAINT_UNIQUE", sqlite3.IntegrityError),
        "the database refused the statement (SQLITE_CONSTRAINT_UNIQUE)",
    ),
    "no code": (sqlite3.ProgrammingError(SECRET), "the database refused the statement (ProgrammingError)"),
    "unique": (postgres_error("23505"), "the database refused the statement (SQLSTATE 23505)"),
    "deadlock": (postgres_error("40P01"), "the database refused the statement (SQLSTATE 40P01)"),
    "no such table": (postgres_error("42P01"), "the database refused the statement (SQLSTATE 42P01)"),
    "may not": (postgres_error("42501"), "this user may not do that in the database"),
    "value": (asyncpg.DataError(SECRET), "the database refused the statement (SQLSTATE 22000)"),
    "misused": (asyncpg.InterfaceError(SECRET), "the database refused the statement (InterfaceError)"),
    "anything": (ValueError(SECRET), "the database refused the statement (ValueError)"),
}


@pytest.mark.parametrize("name", UNWELL)
def test_a_database_that_is_unwell(name: str) -> None:
    """Any other statement would fail too: the whole group is told at once."""
    error, reason = UNWELL[name]
    told = described(error)
    assert (str(told), told.at_fault) == (reason, True)


@pytest.mark.parametrize("name", ITS_OWN_FAULT)
def test_a_statement_that_is_refused(name: str) -> None:
    """The others of its group may well be written: the code is told, and nothing else."""
    error, reason = ITS_OWN_FAULT[name]
    told = described(error)
    assert (str(told), told.at_fault) == (reason, False)


@pytest.mark.parametrize("name", [*UNWELL, *ITS_OWN_FAULT])
def test_no_words_of_a_driver(name: str) -> None:
    """What a driver says is nowhere in ours, alone or wrapped by SQLAlchemy."""
    error, _ = {**UNWELL, **ITS_OWN_FAULT}[name]
    for shown in (error, OperationalError(SECRET, {"text": SECRET}, error)):
        told = str(described(shown))
        assert not any(word in told for word in SECRET.split())


def test_a_lost_connection_of_sqlalchemy() -> None:
    """What SQLAlchemy has found to be a lost connection is one, whatever the driver calls it."""
    assert described(DBAPIError("", {}, ValueError(SECRET), connection_invalidated=True)).at_fault
    told = described(asyncpg.InterfaceError(SECRET), lost=True)
    assert (str(told), told.at_fault) == ("the connection to the database broke", True)


def test_ours_stays_ours() -> None:
    """What is described already is not described again."""
    error = StoreError("the file is gone", at_fault=True)
    assert described(error) is error


_INCOMPLETE = Statement(sa.insert(messages).values(message_uuid=sa.bindparam("message_uuid")).inline())


async def test_real_refusals_show_no_values(store: Store) -> None:
    """A constraint of a real database: what the caller gets names neither table nor value."""

    async def break_it(connection: Connection) -> None:
        await connection.execute(_INCOMPLETE, {"message_uuid": SECRET})

    with pytest.raises(StoreError) as refused:
        await store.database.write(break_it)
    assert str(refused.value) in (
        "the database refused the statement (SQLITE_CONSTRAINT_NOTNULL)",
        "the database refused the statement (SQLSTATE 23502)",
    )


async def test_real_failures_are_named(store: Store, engine: str) -> None:
    """A table that is gone, read and written: a sentence of ours on both databases."""
    async with store.engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE messages"))
    with pytest.raises(Unavailable) as refused:
        await store.journal.record(entry())
    code = "SQLITE_ERROR" if engine == "sqlite" else "SQLSTATE 42P01"
    assert str(refused.value) == f"the store cannot write: the database refused the statement ({code})"


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """The raw connection of the writer speaks as the others do."""
    path = tmp_path / "notes.db"
    await asyncio.to_thread(path.write_bytes, b"no database " * 500)
    database = Sqlite(path, lambda: 0.0)
    with pytest.raises(StoreError, match="the file is not a SQLite database"):
        await database.write(_nothing)
    await database.close()


async def _nothing(_connection: Connection) -> None:
    return None
