"""One durable row for each message, for the entrants that store: SQLite, WAL, synchronous=FULL, a connection a thread.

$STORE is the file; without it nothing is stored.
"""

import os
import sqlite3
import threading

TABLE = "CREATE TABLE IF NOT EXISTS messages (uuid TEXT PRIMARY KEY, s TEXT, t TEXT, x TEXT, a TEXT)"
STORE = os.environ.get("STORE")
_local = threading.local()


def store(uuid: str, sender: str, to: str, text: str, xml: str) -> None:
    """Commit the row."""
    if STORE:
        _connection(STORE).execute(
            "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?)", (uuid, sender, to, text, xml)
        )


def _connection(path: str) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS messages (uuid TEXT PRIMARY KEY, s TEXT, t TEXT, x TEXT, a TEXT)"
        )
    return connection
