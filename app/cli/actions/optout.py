"""`optout`: who gets no messages, and how we know."""

from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

import click

from app.cli.confirm import confirmed
from app.cli.loading import load_store
from app.cli.output import counted, echo, print_json, print_table
from app.cli.private_files import open_private
from app.cli.running import on_store, on_store_if_any, warn_of_doubt, whoami
from app.cli.times import shown, shown_or_dash
from app.config import StoreOnly
from app.operations.documents.opt_outs import opt_out_document
from app.operations.escape import escaped
from app.operations.opt_out_lists import import_opt_outs, plan_import, write_opt_outs
from app.operations.opt_outs import OptOutPlan, OptOutRecord, change_opt_out, list_opt_outs, plan_change
from app.plivo.numbers import show

HEADER = ("PERSON", "NUMBER", "SINCE", "WORD", "BY", "MESSAGE", "SIGNED")


def list_all(who: str | None, path: Path, zone: tzinfo | None, *, ended: bool, as_json: bool) -> None:
    """Show who has opted out of which number, and the proof: when, by which message and word, signed how."""
    config = load_store(path)
    records = on_store(config, lambda store: list_opt_outs(store, who, config.read_address, ended=ended))
    if as_json:
        print_json([opt_out_document(record) for record in records])
        return
    if records:
        header = (*HEADER, "ENDED", "ENDED BY") if ended else HEADER
        print_table(header, [_row(record, zone)[: len(header)] for record in records])
    click.echo(counted(len(records), "opt-out"), err=True)


def add(to: str, person: str, path: Path) -> None:
    """Opt a person out of one of your numbers."""
    config = load_store(path)
    _change(config, _plan(config, to, person, out=True))


def remove(to: str, person: str, path: Path, *, yes: bool, dry_run: bool) -> None:
    """End an opt-out. Do this only if the person asked for it."""
    config = load_store(path)
    plan = _plan(config, to, person, out=False)
    who, number = show(plan.person.address), show(plan.number.address)
    what = f"end the opt-out of {who} from {number}"
    if not plan.is_out:
        what = f"change nothing: {who} has not opted out of {number}"
    if confirmed(what, yes=yes or (not plan.is_out and not dry_run), dry_run=dry_run):
        _change(config, plan)
    if plan.others:
        echo(
            f"{who} has opted out of {', '.join(map(show, plan.others))}, too, "
            "which counts for other numbers as [opt_out] scope says",
            err=True,
        )


def export(path: Path, output: Path) -> None:
    """Write the opt-outs that are in force as CSV. A cell that a spreadsheet would compute gets a quote."""
    config = load_store(path)
    records = on_store(config, lambda store: list_opt_outs(store, None, config.read_address, ended=False))
    with open_private(output) as file:
        write_opt_outs(file, records, escaped if file.isatty() else str)


def import_list(source: BinaryIO, path: Path, *, dry_run: bool) -> None:
    """Read opt-outs from CSV: columns number and person, the others of `export` if they are there."""
    config, content = load_store(path), source.read()
    plan = on_store_if_any(config, lambda store: plan_import(store, content, config.read_address))
    for warning in plan.warnings:
        echo(warning, err=True)
    if dry_run:
        click.echo(f"this would add {counted(plan.new, 'opt-out')}; {len(plan.changes) - plan.new} are there already")
        return
    added = on_store(config, lambda store: import_opt_outs(store, whoami(), plan), create=True)
    click.echo(f"{counted(added, 'opt-out')} added, {len(plan.changes) - added} were there already")


def _plan(config: StoreOnly, to: str, person: str, *, out: bool) -> OptOutPlan:
    plan = on_store_if_any(config, lambda store: plan_change(store, to, person, config.read_address, out=out))
    warn_of_doubt(person, plan.person)
    warn_of_doubt(to, plan.number)
    return plan


def _change(config: StoreOnly, plan: OptOutPlan) -> None:
    changed = on_store(config, lambda store: change_opt_out(store, whoami(), plan), create=True)
    state = "gets nothing from" if plan.out else "gets messages from"
    tail = "" if changed else ", as before"
    echo(f"{show(plan.person.address)} {state} {show(plan.number.address)}{tail}")


def _row(record: OptOutRecord, zone: tzinfo | None) -> tuple[str, ...]:
    return (
        show(record.person),
        show(record.number),
        shown(record.at, zone),
        record.word,
        record.source,
        record.message_uuid or "-",
        record.signed_by or "-",
        shown_or_dash(record.ended_at, zone),
        record.ended_by or "-",
    )
