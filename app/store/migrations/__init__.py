"""Alembic migrations: expand first, contract a release later. Alembic is imported only if a migration is due."""

from collections.abc import Collection
from pathlib import Path

import sqlalchemy as sa

from app.store.database import BrokenStore, lock_migrations
from app.store.schema import metadata

_VERSION = "alembic_version"  # the table of Alembic

HEAD = "0001"  # the newest revision; a test compares it with the files in versions/


class NewerStore(Exception):
    """The error for a store that was made by a newer version of the service."""


def refuse_foreign(tables: Collection[str], shown: str, *, is_server: bool) -> None:
    """Raise `BrokenStore` for the tables of another program: a slip in the URL must not put ours among them.

    A database of a server may be shared, as long as none of these tables has a name of ours.
    """
    ours = metadata.tables.keys() & tables
    is_foreign = not ours if _VERSION in tables else bool(ours) if is_server else bool(tables)
    if is_foreign:
        names = sorted(set(tables) - {_VERSION}) or [_VERSION]
        some = f"{', '.join(names[:3])}{' ..' if len(names) > 3 else ''}"  # noqa: PLR2004 - enough to recognize it
        own = "a database of its own" if is_server else "a file of its own"
        message = f"{shown}: it has the tables of another program ({some}); give the store {own}"
        raise BrokenStore(message)


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the store, or None for an empty one."""
    if not sa.inspect(connection).has_table(_VERSION):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def is_current(connection: sa.Connection) -> bool:
    """Return whether the store has this version's form. Otherwise it needs `upgrade`. Raises `NewerStore`."""
    revision = current(connection)
    if revision is not None and revision > HEAD:
        message = (
            f"the store has revision {revision}, this version knows {HEAD}: start the newer one, or restore a backup"
        )
        raise NewerStore(message)
    return revision == HEAD


def upgrade(connection: sa.Connection) -> None:
    """Upgrade the store to HEAD, in the transaction of the caller. Raises `NewerStore`."""
    lock_migrations(connection)
    if is_current(connection):  # once more: another process may have been quicker
        return
    from alembic import command  # noqa: PLC0415 - 100 ms and 15 MB that most starts do not need
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
