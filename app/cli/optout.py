"""`optout`: who gets no messages, and how we know."""

import codecs
import csv
import io
import time
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

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
from app.cli.common import person as person_of
from app.config import Config
from app.guards.ledger import OptOutChange, Pair
from app.plivo.numbers import show
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
@click.argument("source", type=click.File("rb"), default="-")
@config_option
def import_(source: BinaryIO, path: Path) -> None:
    """Read opt-outs from CSV: columns number and person, the others of `export` if they are there.
    A file with a fault changes nothing.

    \b
    Example: plivo-autoreply optout import optouts.csv
    """
    config = load(path)
    changes = _read(_decoded(source.read()), config)
    count = run(submit(config, people.change, Changes(whoami(), tuple(changes)), create=True))
    click.echo(f"{count} opt-outs added, {len(changes) - count} were there already")


def _decoded(content: bytes) -> str:
    """UTF-8, or the UTF-16 that spreadsheets write. Raises `Mistake`."""
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        message = "the file is not UTF-8; save it as CSV UTF-8"
        raise Mistake(message) from None


def _read(text: str, config: Config) -> list[OptOutChange]:
    try:
        return _changes(csv.DictReader(io.StringIO(text)), config)
    except csv.Error as error:
        message = f"not CSV: {error}"
        raise Mistake(message) from None


def _changes(reader: "csv.DictReader[str]", config: Config) -> list[OptOutChange]:
    if not {"number", "person"} <= set(reader.fieldnames or ()):
        message = "the first line must name the columns number and person"
        raise Mistake(message)
    changes, faults = [], []
    for row in reader:
        try:
            pair = Pair(person_of(row["number"] or "", config), person_of(row["person"] or "", config))
            at = datetime.fromisoformat(row["at"]).timestamp() if row.get("at") else time.time()
        except (ValueError, Mistake) as error:
            faults.append(f"line {reader.line_num}: {error}")
            continue
        word = row.get("word") or "import"
        proof = row.get("message_uuid") or None
        changes.append(
            OptOutChange(pair, True, at, proof, word, row.get("signed_by") or "", row.get("source") or "command")
        )
    if faults:
        raise Mistake("\n".join(["nothing was imported", *faults]))
    return changes


def _change(config: Config, to: str, person: str, *, out: bool) -> None:
    pair = Pair(person_of(to, config), person_of(person, config))
    made = OptOutChange(pair, out, time.time(), None, whoami(), "", "command")
    changed = run(submit(config, people.change, Changes(whoami(), (made,)), create=True))
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
