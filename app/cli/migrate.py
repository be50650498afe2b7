"""`migrate`: brings the store to this version's form."""

from pathlib import Path

import click

from app.cli.common import config_option, load, run
from app.config import Loaded
from app.store import open_store


@click.command("migrate")
@config_option
def command(path: Path) -> None:
    """Migrate the store, for `serve --no-migrate`. Several at once wait for each other.

    \b
    Example: plivo-autoreply migrate -c config.toml
    """
    config = load(path)
    run(_migrate(config))
    click.echo(f"{config.settings.store.shown} is up to date")


async def _migrate(config: Loaded) -> None:
    async with open_store(config.settings.store, serving=False):
        pass
