"""`backup`: copy the store while it is being served."""

from pathlib import Path

import click

from app.cli.actions import runs
from app.cli.common import config_option


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@runs("backup:main")
def command() -> None:
    """Copy the store into a new file. A running server goes on; the copy is the store of one moment.

    \b
    Example: plivo-autoreply backup autoreply-2026-03-02.db
    """
