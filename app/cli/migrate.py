"""`migrate`: bring the store to this version's schema."""

import click

from app.cli.actions import runs
from app.cli.common import config_option


@click.command("migrate")
@config_option
@runs("migrate:main")
def command() -> None:
    """Migrate the store, for `serve --no-migrate`. Several at once wait for each other.

    \b
    Example: plivo-autoreply migrate -c config.toml
    """
