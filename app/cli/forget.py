"""`forget`: every row of a person."""

from pathlib import Path

import click

from app.cli.addresses import person
from app.cli.common import UsageError, config_option, load, run, store_beside_server, whoami
from app.config import Loaded
from app.store import people
from app.store.people import Forget


@click.command("forget")
@click.argument("number")
@config_option
@click.option("--also-opt-out", is_flag=True, help="The opt-out too: then they may get messages again.")
def command(number: str, path: Path, *, also_opt_out: bool) -> None:
    """Erase every row of a number: messages, reports and their deliveries, counts. The opt-out stays.

    Nothing of them is left in a SQLite store's files. Backups, logs and what your targets got are yours to erase.

    \b
    Example: plivo-autoreply forget +33700000001
    """
    config = load(path)
    who = person(number, config)
    count = run(_forget(config, Forget(whoami(), who, also_opt_out)))
    if count is None:
        message = f"{number} is one of your own numbers: give the number of a person"
        raise UsageError(message)
    click.echo(f"{count} rows erased")


async def _forget(config: Loaded, order: Forget) -> int | None:
    """How many rows are gone; None if it is one of our own numbers, of which none goes."""
    async with store_beside_server(config) as store:
        if order.person in config.runtime.table.by_number or await people.is_ours(store.engine, order.person):
            return None
        count = await store.change(people.forget, order)
        await store.erase()
    return count
