"""`limits`: what has been counted, and starting the count anew."""

import time
from pathlib import Path
from typing import Any

import click

from app.cli.addresses import person
from app.cli.common import (
    UsageError,
    config_option,
    echo,
    json_option,
    load,
    moment,
    print_json,
    run,
    store_beside_server,
    submit,
    whoami,
)
from app.config import Loaded
from app.plivo.numbers import show
from app.store import people
from app.store.people import Reset
from app.store.snapshot import spent

DAY = 86400.0


@click.group("limits")
def command() -> None:
    """Show what limits have counted; reset it.

    \b
    Example: plivo-autoreply limits list
    """


@command.command("list")
@config_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="People shown.")
@json_option
def list_(path: Path, limit: int, *, as_json: bool) -> None:
    """Show the units spent of each spending cap, and who had the most answers in a day.

    \b
    Example: plivo-autoreply limits list --json
    """
    found = run(_list(load(path), limit))
    if as_json:
        print_json(found)
        return
    for cap in found["spending"]:
        echo(f"{cap['scope'] or 'all routes':<24} {cap['spent']} of {cap['limit']} units")
    for row in found["people"]:
        echo(f"{row['person']:<16} from {row['number']:<16} {row['replies']} answers, last {row['last']}")


@command.command("reset")
@click.argument("who", required=False, metavar="[NUMBER]")
@config_option
@click.option("--total", is_flag=True, help="The spending caps instead of a person.")
def reset(who: str | None, path: Path, *, total: bool) -> None:
    """Forget what was counted against a person, cooldowns too; or, with --total, against the spending caps.

    \b
    Example: plivo-autoreply limits reset +33700000001
    """
    if bool(who) == total:
        message = "give a number, or --total"
        raise UsageError(message)
    config = load(path)
    count = run(submit(config, people.reset, Reset(whoami(), person(who, config) if who else None)))
    click.echo(f"{count} rows forgotten")


async def _list(config: Loaded, limit: int) -> dict[str, Any]:
    at = time.time()
    caps = {budget: rate for budget, (_, rate) in config.runtime.policies.caps.items()}
    async with store_beside_server(config) as store:
        counted = await people.list_counts(store.engine, at - DAY, limit)
        units = await spent(store.engine, tuple(caps), at)
    return {
        "spending": [{"scope": cap.scope, "limit": str(rate), "spent": units[cap]} for cap, rate in caps.items()],
        "people": [
            {
                "number": show(row["number"]),
                "person": show(row["person"]),
                "replies": row["replies"],
                "last": moment(row["last"]),
            }
            for row in counted
        ],
    }
