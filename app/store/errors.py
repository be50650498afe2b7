"""Database errors in this service's own words, because a driver's text may contain parameters and hosts (G12)."""

import os
import socket
import sqlite3
import ssl
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_SQLITE: Mapping[str, str] = {  # by the name of a primary result code: https://www.sqlite.org/rescode.html
    "SQLITE_BUSY": "another process holds the database locked",
    "SQLITE_LOCKED": "another connection holds the database locked",
    "SQLITE_READONLY": "the file is read-only",
    "SQLITE_IOERR": "the disk reports an I/O error",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_NOTADB": "the file is not a SQLite database",
    "SQLITE_NOMEM": "out of memory",
}
_POSTGRES: Mapping[
    str, str
] = {  # by SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
    "08": "the connection to the database broke",
    "25": "the database is read-only",
    "28": "the database refuses this user or password",
    "3D": "there is no database of this name",
    "42501": "this user may not do that in the database",
    "53": "the database is out of resources",
    "55": "the database waits for a lock",
    "57": "the database ended the statement or is shutting down",
    "58": "the database's system reports an error",
}
_CONNECTING: Mapping[type[OSError], str] = {
    ssl.SSLCertVerificationError: "the certificate of the database is not trusted (sslrootcert)",
    ssl.SSLError: "TLS with the database failed",
    socket.gaierror: "the host of the database is not known",
}
_NO_TLS = "rejected SSL upgrade"  # asyncpg's words for a plain `ConnectionError`
_AT_FAULT = frozenset({"08", "25", "28", "3D", "53", "55", "57", "58"})
SILENT = "the database does not answer"
BUSY = "all connections to the database are in use"
UNKNOWN = "the database refused the statement"


class StoreError(Exception):
    """A failure of a database. `at_fault` means that the database itself has a problem, so any other statement would
    fail too.
    """

    def __init__(self, reason: str, *, at_fault: bool) -> None:
        super().__init__(reason)
        self.at_fault = at_fault


def described(error: BaseException, *, lost: bool = False) -> StoreError:
    """Return an error of a driver, SQLAlchemy or the system in our own words. `lost`: the connection is closed."""
    if isinstance(error, StoreError):
        return error
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if state:
        reason = _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or f"{UNKNOWN} (SQLSTATE {state})"
        return StoreError(reason, at_fault=state[:2] in _AT_FAULT)
    if isinstance(original, PoolTimeout):
        return StoreError(BUSY, at_fault=True)
    if isinstance(original, TimeoutError):
        return StoreError(SILENT, at_fault=True)
    if isinstance(original, OSError):
        return StoreError(_of_system(original), at_fault=True)
    lost = lost or (isinstance(error, DBAPIError) and error.connection_invalidated)
    return StoreError(_POSTGRES["08"] if lost else f"{UNKNOWN} ({type(original).__name__})", at_fault=lost)


def _of_system(error: OSError) -> str:
    """Return the words for an error by its number. The text of asyncio and asyncpg contains hosts and ports."""
    for kind, reason in _CONNECTING.items():
        if isinstance(error, kind):
            return reason
    if _NO_TLS in str(error):
        return "the database does not offer TLS, which sslmode requires"
    return os.strerror(error.errno) if error.errno else SILENT


def _of_sqlite(error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", None) or ""
    primary = "_".join(name.split("_")[:2])
    reason = _SQLITE.get(primary) or f"{UNKNOWN} ({name or type(error).__name__})"
    return StoreError(reason, at_fault=primary in _SQLITE)
