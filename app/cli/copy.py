"""`copy`: copy a whole store into the empty one of the config, for the move to PostgreSQL."""

import click

from app.cli.actions import runs
from app.cli.common import config_option


@click.command("copy")
@click.argument("old")
@config_option
@runs("copy:main")
def command() -> None:
    """Copy the OLD store, a SQLite file, into the config's store, which must be empty. Stop the server first.

    All or nothing: a copy that fails changes nothing. OLD may be a postgresql:// URL, for the way back.

    \b
    Example: plivo-autoreply copy /data/autoreply.db -c config.toml
    """
