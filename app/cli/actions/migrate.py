"""`migrate`: bring the store to this version's schema."""

from pathlib import Path

import click

from app.cli.loading import load_store
from app.cli.running import run
from app.operations.maintenance import migrate


def main(path: Path) -> None:
    """Migrate the store, for `serve --no-migrate`. Several at once wait for each other."""
    config = load_store(path)
    run(migrate(config.store))
    click.echo(f"{config.store.shown} is up to date")
