"""`forget`: erase every row of a person."""

import click

from app.cli.actions import runs
from app.cli.common import config_option
from app.cli.confirm import confirm_options


@click.command("forget")
@click.argument("number")
@config_option
@click.option("--also-opt-out", is_flag=True, help="The opt-out too: then they may get messages again.")
@confirm_options
@runs("forget:main")
def command() -> None:
    """Erase every row of a number: messages, reports and their deliveries, counts. The opt-out stays.

    Nothing of them is left in a SQLite store's files. Backups, logs and what your targets got are yours to erase.

    \b
    Example: plivo-autoreply forget +33700000001
    """
