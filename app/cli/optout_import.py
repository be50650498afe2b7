"""Opt-outs from a list: all of it, or nothing and each line that is wrong."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import click

from app.cli import spreadsheet
from app.cli.addresses import known
from app.cli.common import UsageError
from app.cli.escape import escaped
from app.cli.spreadsheet import BadSheet, Line
from app.config import Loaded
from app.plivo.numbers import Reading, canonical, doubtful, is_name, normalise, show
from app.policies.usage import Conversation, OptOutChange

COLUMNS = ("number", "person", "at", "word", "message_uuid", "signed_by", "source")
NEEDED = COLUMNS[:2]

SHOWN = 20  # faults and warnings; the others are counted
# 3.37E+10, 3,37E+10, 33644600000.0, #N/A, ####, and what programs write for an empty cell
_DAMAGE = re.compile(r"\+?\d+([.,]\d+)?E[+-]?\d+|\+?\d+[.,]0+|#.*|nan|null|none|n/a", re.IGNORECASE)


def read_opt_outs(content: bytes, config: Loaded) -> list[OptOutChange]:
    """The opt-outs of a CSV file, with warnings of doubtful numbers. Raises `UsageError` naming each bad line."""
    try:
        sheet = spreadsheet.read(content, NEEDED)
    except BadSheet as error:
        raise UsageError(str(error)) from None
    texts = {_cell(line, name) for line in sheet.lines for name in NEEDED}
    readings, faults = _read(texts, config, is_export=set(COLUMNS) <= set(sheet.columns))
    readings |= _from_store(faults, config)
    changes, wrong = [], []
    for line in sheet.lines:
        try:
            changes.append(_change(line, readings, faults))
        except ValueError as error:
            wrong.append(f"line {line.number}: {error}")
    if wrong:
        raise UsageError("\n".join(["nothing was imported", *_first(wrong)]))
    for warning in _first([f"{text}: {doubtful(reading)}" for text, reading in readings.items() if reading.doubt]):
        click.echo(escaped(warning), err=True)
    return changes


def _read(texts: Iterable[str], config: Loaded, *, is_export: bool) -> tuple[dict[str, Reading], dict[str, str]]:
    """What each text means, or why it means nothing."""
    readings, faults = {}, {}
    for text in texts:
        try:
            readings[text] = _address(text, config, is_export=is_export)
        except ValueError as error:
            faults[text] = f"{text!r}: {error}"
    return readings, faults


def _address(text: str, config: Loaded, *, is_export: bool) -> Reading:
    if _DAMAGE.fullmatch(text):
        raise ValueError("a spreadsheet has changed this cell; format the column as text and export it again")
    address = normalise(text)
    if is_export and address and show(address) == text:  # as `export` wrote it: what arrived, however odd
        return Reading(address)
    try:
        return config.read_address(text)
    except ValueError:
        if is_name(text):
            return Reading(address)
        raise


def _from_store(texts: Iterable[str], config: Loaded) -> dict[str, Reading]:
    """Those that look like no number and like no name, but stand in the store."""
    odd = {text: address for text in texts if (address := normalise(text)) and not _DAMAGE.fullmatch(text)}
    there = known(odd.values(), config) if odd else set()
    return {text: Reading(address) for text, address in odd.items() if address in there}


def _change(line: Line, readings: Mapping[str, Reading], faults: Mapping[str, str]) -> OptOutChange:
    """One row. Raises `ValueError`."""
    if line.fault:
        raise ValueError(line.fault)
    cells = {name: _cell(line, name) for name in COLUMNS}
    for name in NEEDED:
        if cells[name] not in readings:
            raise ValueError(faults[cells[name]])
    number, person = (readings[cells[name]].address for name in NEEDED)
    return OptOutChange(
        conversation=Conversation(number, canonical(person)),
        opted_out=True,
        at=_moment(cells["at"]),
        message_uuid=cells["message_uuid"] or None,
        word=cells["word"] or "import",
        signed_by=cells["signed_by"],
        source=cells["source"] or "command",
    )


def _cell(line: Line, name: str) -> str:
    return line.cells.get(name, "").strip()


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if text else time.time()
    except ValueError:
        message = f"{text!r} is not a time; write it as 2026-03-02T09:00:00Z"
        raise ValueError(message) from None


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [*lines[:SHOWN], *more]
