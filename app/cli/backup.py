"""`backup`: a copy of the store, while it is being served."""

from pathlib import Path

import click

from app.cli.common import UsageError, config_option, load
from app.store.sqlite import backup


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
def command(file: Path, path: Path) -> None:
    """Copy the store into a new file. A running server goes on; the copy is the store of one moment.

    \b
    Example: plivo-autoreply backup autoreply-2026-03-02.db
    """
    config = load(path)
    where = config.settings.store.file
    if where is None:
        raise UsageError("the store is a PostgreSQL: take pg_dump")
    if not where.exists():
        raise UsageError(f"there is no store at {where} yet")
    if file.exists():
        raise UsageError(f"{file} is there already; a backup overwrites nothing")
    try:
        size = backup(where, file)
    except OSError as error:
        file.unlink(missing_ok=True)
        raise UsageError(f"{file}: {error}") from None
    click.echo(
        f"{file}: {size} bytes. To restore it: stop the server, remove {where}-wal and {where}-shm if they are there"
    )
    click.echo(f"(a crash leaves them behind, and they would spoil it), then put it in the place of {where}")
