"""`backup`: copy the store while it is being served."""

from pathlib import Path

import click

from app.cli.loading import load_store
from app.cli.running import call
from app.operations.maintenance import back_up


def main(file: Path, path: Path) -> None:
    """Copy the store into a new file. A running server goes on; the copy is the store of one moment."""
    config = load_store(path)
    made = call(lambda: back_up(config.store, file))
    store = made.store
    click.echo(f"{file}: {made.size} bytes. To restore it: stop the server, remove {store}-wal and {store}-shm if they")
    click.echo(f"are there (a crash leaves them behind, and they would spoil it), then put it in the place of {store}")
