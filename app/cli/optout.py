"""`optout`: who gets no messages, and how we know."""

import csv
import io
import time
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import click

from app.cli.common import (
    Mistake,
    address,
    config_option,
    json_option,
    load,
    moment,
    print_json,
    run,
    store_beside_server,
    submit,
    whoami,
)
from app.config import Config
from app.guards.ledger import OptOutChange, Pair
from app.plivo.numbers import normalise, show
from app.store import people
from app.store.people import Changes
from app.store.queries import Row

COLUMNS = ("number", "person", "at", "word", "message_uuid", "signed_by", "source")


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
    rows = [_opt_out(row) for row in run(_list(config, who, ended=ended))]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        proof = f"{row['word']} by {row['source']}, {row['message_uuid'] or '-'}, signed {row['signed_by'] or '-'}"
        end = f", ended {row['ended_at']} by {row['ended_by']}" if row["ended_at"] else ""
        click.echo(f"{row['person']:<16} from {row['number']:<16} {row['at']}  {proof}{end}")
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
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="A file; default: stdout.")
def export(path: Path, output: TextIO) -> None:
    """Write the opt-outs that are in force as CSV.

    \b
    Example: plivo-autoreply optout export -o optouts.csv
    """
    config = load(path)
    writer = csv.DictWriter(output, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_opt_out(row) for row in run(_list(config, None, ended=False)))


@command.command("import")
@click.argument("source", type=click.File("r", encoding="utf-8-sig"), default="-")
@config_option
def import_(source: TextIO, path: Path) -> None:
    """Read opt-outs from CSV: columns number and person, the others of `export` if they are there.
    A file with a fault changes nothing.

    \b
    Example: plivo-autoreply optout import optouts.csv
    """
    config = load(path)
    try:
        text = source.read()
    except UnicodeDecodeError:
        message = f"{source.name} is not UTF-8; save it as such, nothing was imported"
        raise Mistake(message) from None
    changes = _read(text, config)
    count = run(submit(config, people.change, Changes(whoami(), tuple(changes))))
    click.echo(f"{count} opt-outs added, {len(changes) - count} were there already")


def _read(text: str, config: Config) -> list[OptOutChange]:
    reader = csv.DictReader(io.StringIO(text))
    changes, faults = [], []
    try:
        if not {"number", "person"} <= set(reader.fieldnames or ()):
            message = "the first line must name the columns number and person"
            raise Mistake(message)
        for row in reader:
            try:
                changes.append(_opted_out(row, config))
            except ValueError as error:
                faults.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:  # in the line that it could not count
        faults.append(f"line {reader.line_num + 1}: {error}")
    if faults:
        raise Mistake("\n".join(["nothing was imported", *faults]))
    return changes


def _opted_out(row: dict[str, str | None], config: Config) -> OptOutChange:
    """Raises `ValueError`. An address that Plivo has sent need not be a number: a name can say STOP too."""
    proof = row.get("message_uuid") or None
    person = normalise(row["person"] or "") if proof else config.read_number(row["person"] or "")
    if not person:
        message = "nobody is named"
        raise ValueError(message)
    pair = Pair(config.read_number(row["number"] or ""), person)
    at = datetime.fromisoformat(row["at"] or "").timestamp() if row.get("at") else time.time()
    word, source = row.get("word") or "import", row.get("source") or "command"
    return OptOutChange(pair, True, at, proof, word, row.get("signed_by") or "", source)


def _change(config: Config, to: str, person: str, *, out: bool) -> None:
    pair = Pair(address(to, config), address(person, config))
    made = OptOutChange(pair, out, time.time(), None, whoami(), "", "command")
    changed = run(submit(config, people.change, Changes(whoami(), (made,))))
    state = "gets nothing from" if out else "gets messages from"
    click.echo(f"{show(pair.person)} {state} {show(pair.number)}{'' if changed else ', as before'}")


async def _list(config: Config, who: str | None, *, ended: bool) -> list[Row]:
    async with store_beside_server(config) as store:
        return await people.list_opt_outs(store.engine, address(who, config) if who else None, ended=ended)


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
