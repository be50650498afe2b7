"""`copy`: copy a whole store into the empty one of the config, for the move to PostgreSQL."""

from pathlib import Path

import click

from app.cli.common import UsageError
from app.cli.loading import load_store
from app.cli.running import run, whoami
from app.config.store_url import check_server
from app.operations.maintenance import copy_store
from app.settings import SQLITE, StoreSettings


def main(old: str, path: Path) -> None:
    """Copy the OLD store, a SQLite file, into the config's store, which must be empty. Stop the server first."""
    config = load_store(path)
    source, destination = StoreSettings(_url(old)), config.store
    run(copy_store(source, destination, whoami(), lambda table, rows: click.echo(f"{rows:>10}  {table}")))
    click.echo(
        f"{source.shown} is copied to {destination.shown}; serve from there now, and keep the old one for a while"
    )


def _url(old: str) -> str:
    """Return the URL of a file or of a server. Raises `UsageError`."""
    if "://" not in old:
        return f"{SQLITE}{Path(old).absolute()}"
    try:
        check_server(old)
    except ValueError as error:
        raise UsageError(f"{error}; or give the path of a SQLite file") from None
    return old
