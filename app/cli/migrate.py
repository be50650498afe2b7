"""`migrate`: bring the store to this version's schema."""

from pathlib import Path

import click

from app.cli.common import config_option, load_store
from app.cli.running import run
from app.operations.maintenance import migrate


@click.command("migrate")
@config_option
def command(path: Path) -> None:
    """Migrate the store, for `serve --no-migrate`. Several at once wait for each other.

    \b
    Example: plivo-autoreply migrate -c config.toml
    """
    config = load_store(path)
    run(migrate(config.store))
    click.echo(f"{config.store.shown} is up to date")
