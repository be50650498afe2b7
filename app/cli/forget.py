"""`forget`: every row of a person."""

from pathlib import Path

import click

from app.cli.common import Mistake, address, config_option, load, run, submit, whoami
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
    if not number.strip():
        message = "forget whom? Give a number"
        raise Mistake(message)
    count = run(submit(config, people.forget, Forget(whoami(), address(number, config), also_opt_out)))
    click.echo(f"{count} rows erased")
