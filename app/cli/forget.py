"""`forget`: every row of a person."""

from pathlib import Path

import click

from app.cli.addresses import person
from app.cli.common import UsageError, config_option, load, run, store_beside_server, submit, whoami
from app.config import Config
from app.store import people
from app.store.people import Forget


@click.command("forget")
@click.argument("number")
@config_option
@click.option("--also-opt-out", is_flag=True, help="The opt-out too: then they may get messages again.")
def command(number: str, path: Path, *, also_opt_out: bool) -> None:
    """Erase every row of a number: messages, reports and their deliveries, counts. The opt-out stays.

    \b
    Example: plivo-autoreply forget +33700000001
    """
    config = load(path)
    who = person(number, config)
    if who in config.table.by_number or run(_is_ours(config, who)):
        message = f"{number} is one of your own numbers: give the number of a person"
        raise UsageError(message)
    count = run(submit(config, people.forget, Forget(whoami(), who, also_opt_out)))
    click.echo(f"{count} rows erased")


async def _is_ours(config: Config, number: str) -> bool:
    async with store_beside_server(config) as store:
        return await people.is_ours(store.engine, number)
