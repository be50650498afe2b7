"""`optout`: who gets no messages, and how we know."""

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

import click

from app.cli import spreadsheet
from app.cli.addresses import address, known_address
from app.cli.addresses import person as person_of
from app.cli.common import (
    UsageError,
    config_option,
    echo,
    json_option,
    load,
    moment,
    print_json,
    run,
    step,
    store_beside_server,
    submit,
    whoami,
)
from app.cli.optout_import import COLUMNS, read_opt_outs
from app.config import Loaded
from app.plivo.numbers import canonical, show
from app.policies.usage import Conversation, OptOutChange
from app.store import people
from app.store.people import Changes
from app.store.queries import Row


@click.group("optout")
def command() -> None:
    """List, add, remove, import, export. A running server sees a change at once.

    \b
    Example: plivo-autoreply optout add --to +33644600000 --from +33700000001
    """


@command.command("list")
@click.argument("who", required=False, metavar="[NUMBER]")
@config_option
@click.option("--all", "ended", is_flag=True, help="Those that have ended, too.")
@json_option
def list_(who: str | None, path: Path, *, ended: bool, as_json: bool) -> None:
    """Show who has opted out of which number, and the proof: when, by which message and word, signed how.

    \b
    Example: plivo-autoreply optout list +33700000001
    """
    config = load(path)
    whom = (known_address(who, config) or address(who, config)) if who else None
    rows = [_opt_out(row) for row in run(_list(config, whom, ended=ended))]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        proof = f"{row['word']} by {row['source']}, {row['message_uuid'] or '-'}, signed {row['signed_by'] or '-'}"
        end = f", ended {row['ended_at']} by {row['ended_by']}" if row["ended_at"] else ""
        echo(f"{row['person']:<16} from {row['number']:<16} {row['at']}  {proof}{end}")
    click.echo(f"{len(rows)} opt-outs", err=True)


@command.command("add")
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "person", required=True, help="Who shall get nothing from it.")
@config_option
def add(to: str, person: str, path: Path) -> None:
    """Opt a person out of one of your numbers.

    \b
    Example: plivo-autoreply optout add --to +33644600000 --from +33700000001
    """
    _change(load(path), to, person, out=True)


@command.command("remove")
@click.option("--to", required=True, help="Your number.")
@click.option("--from", "person", required=True, help="Who wants messages again.")
@config_option
def remove(to: str, person: str, path: Path) -> None:
    """End an opt-out. Do this only if the person asked for it.

    \b
    Example: plivo-autoreply optout remove --to +33644600000 --from +33700000001
    """
    _change(load(path), to, person, out=False)


@command.command("export")
@config_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default="-",
    help="A file, which only you may read; default: stdout.",
)
def export(path: Path, output: Path) -> None:
    """Write the opt-outs that are in force as CSV. A cell that a spreadsheet would compute gets a quote before it,
    which `import` takes off.

    \b
    Example: plivo-autoreply optout export -o optouts.csv
    """
    config = load(path)
    rows = [_opt_out(row) for row in run(_list(config, None, ended=False))]
    with _opened(output) as file:
        spreadsheet.write(file, COLUMNS, rows)


@command.command("import")
@click.argument("source", type=click.File("rb"), default="-")
@config_option
def import_(source: BinaryIO, path: Path) -> None:
    """Read opt-outs from CSV: columns number and person, the others of `export` if they are there.
    A file with a fault changes nothing.

    \b
    Example: plivo-autoreply optout import optouts.csv
    """
    config = load(path)
    changes = read_opt_outs(source.read(), config)
    count = run(_add(config, changes))
    click.echo(f"{count} opt-outs added, {len(changes) - count} were there already")


def _change(config: Loaded, to: str, person: str, *, out: bool) -> None:
    who = person_of(person, config)
    conversation = Conversation(person_of(to, config), canonical(who))
    change = OptOutChange(conversation, out, time.time(), None, whoami(), "", "command")
    changed = run(submit(config, people.change, Changes(whoami(), (change,)), create=True))
    state = "gets nothing from" if out else "gets messages from"
    echo(f"{show(who)} {state} {show(conversation.number)}{'' if changed else ', as before'}")


async def _add(config: Loaded, changes: Sequence[OptOutChange]) -> int:
    """How many are new. In steps, so that a server beside it answers meanwhile."""
    who, count = whoami(), 0
    async with store_beside_server(config, create=True) as store:
        for start in range(0, len(changes), people.BATCH):
            async with step():
                order = Changes(who, tuple(changes[start : start + people.BATCH]))
                count += await store.change(people.change, order)
    return count


async def _list(config: Loaded, who: str | None, *, ended: bool) -> list[Row]:
    async with store_beside_server(config) as store:
        return await people.list_opt_outs(store.engine, who, ended=ended)


def _opened(path: Path) -> IO[str]:
    """The file, readable by its owner only, or stdout for "-". Raises `UsageError`."""
    if path == Path("-"):
        return click.open_file("-", "w", encoding="utf-8")
    try:
        return os.fdopen(_private(path), "w", encoding="utf-8", newline="")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise UsageError(message) from None


def _private(path: Path) -> int:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):  # one that was there already keeps no wider mode
        os.fchmod(handle, 0o600)
    return handle


def _opt_out(row: Row) -> dict[str, Any]:
    return {
        "number": show(row["number"]),
        "person": show(row["person"]),
        "at": moment(row["at"]),
        "word": row["word"],
        "message_uuid": row["message_uuid"],
        "signed_by": row["signed_by"],
        "source": row["source"],
        "ended_at": moment(row["ended_at"]) if row["ended_at"] else None,
        "ended_by": row["ended_by"],
    }
