"""Alembic migrations: expand first, contract a release later. Alembic is imported only if a migration is due."""

from pathlib import Path

import sqlalchemy as sa

from app.store.database import lock_migrations

HEAD = "0001"  # the newest revision; a test compares it with the files in versions/


class NewerStore(Exception):
    """The error for a store that was made by a newer version of the service."""


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the store, or None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
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
