"""The store as a whole: open it beside a server, back it up, copy it into another one, migrate it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.operations.errors import OperationRefused
from app.settings import StoreSettings
from app.store import Store, open_store, sqlite, transfer


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that holds the store of one moment, and the store's own file."""

    file: Path
    size: int  # bytes
    store: Path


def missing_store(options: StoreSettings) -> Path | None:
    """Return the file of a store that is not there yet; None if it is there, or if the store is a server."""
    return options.file if options.file and not options.file.exists() else None


@asynccontextmanager
async def open_beside_server(
    options: StoreSettings, *, create: bool = False, migrate: bool = True
) -> AsyncIterator[Store]:
    """Open the store beside a server that may be running; with `create` it may be new. It is migrated if it must be,
    unless `migrate` is false.

    Raises `OperationRefused` if there is none yet, and as `open_store` does.
    """
    if not create and (file := missing_store(options)):
        raise OperationRefused(
            f"there is no store at {file} yet; `serve` creates it, by this config and $AUTOREPLY_DATA"
        )
    async with open_store(options, serving=False, migrate=migrate) as store:
        yield store


async def migrate(options: StoreSettings) -> None:
    """Bring a store to this version's form, or make a new one; several at once wait for each other.

    Raises as `open_store` does.
    """
    async with open_beside_server(options, create=True):
        pass


def back_up(options: StoreSettings, file: Path) -> Backup:
    """Copy a SQLite store into a new file, while others write. Raises `OperationRefused`; then there is no new file."""
    where = options.file
    if where is None:
        raise OperationRefused("this store is PostgreSQL: use pg_dump")
    if not where.exists():
        raise OperationRefused(f"there is no store at {where} yet")
    if file.exists():
        raise OperationRefused(f"{file} is there already; a backup overwrites nothing")
    try:
        return Backup(file, sqlite.backup(where, file), where)
    except OSError as error:
        file.unlink(missing_ok=True)
        raise OperationRefused(f"{file}: {error.strerror or error}") from None


async def copy_store(
    source: StoreSettings, destination: StoreSettings, who: str, tell: Callable[[str, int], None]
) -> None:
    """Copy a whole store into an empty one. `tell` gets the name of each table and its number of rows.

    Raises `OperationRefused` if there is nothing to copy, and as `transfer.copy` does.
    """
    if file := missing_store(source):
        raise OperationRefused(f"there is no store at {file}")
    await transfer.copy(source, destination, who, tell)
