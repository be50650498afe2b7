"""`copy`: a whole store into the empty one of the config, for the move to PostgreSQL."""

from pathlib import Path

import click

from app.cli.common import UsageError, config_option, load, run, whoami
from app.config.store_url import check_server
from app.settings import SQLITE, StoreSettings
from app.store.transfer import copy


@click.command("copy")
@click.argument("old")
@config_option
def command(old: str, path: Path) -> None:
    """Copy the OLD store, a SQLite file, into the config's store, which must be empty. Stop the server first.

    All or nothing: a copy that fails changes nothing. OLD may be a postgresql:// URL, for the way back.

    \b
    Example: plivo-autoreply copy /data/autoreply.db -c config.toml
    """
    config = load(path)
    source = StoreSettings(_url(old))
    destination = config.settings.store
    run(copy(source, destination, whoami(), lambda table, rows: click.echo(f"{rows:>10}  {table}")))
    click.echo(
        f"{source.shown} is copied to {destination.shown}; serve from there now, and keep the old one for a while"
    )


def _url(old: str) -> str:
    """Of a file that is there, or of a server. Raises `UsageError`."""
    if "://" in old:
        try:
            check_server(old)
        except ValueError as error:
            raise UsageError(f"{error}; or give the path of a SQLite file") from None
        return old
    file = Path(old).absolute()
    if not file.is_file():
        raise UsageError(f"there is no store at {file}")
    return f"{SQLITE}{file}"
