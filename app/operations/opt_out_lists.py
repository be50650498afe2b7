"""Import and export opt-outs as CSV. A file with a wrong line is refused as a whole, with each such line."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from app.operations import spreadsheet
from app.operations.addresses import ReadAddress
from app.operations.errors import OperationRefused
from app.operations.spreadsheet import BadSheet, Line, Sheet
from app.operations.steps import step
from app.operations.times import iso_utc
from app.plivo.numbers import Reading, canonical, doubtful, is_name, normalise, show
from app.policies.usage import Conversation, OptOutChange
from app.store import Store
from app.store import people as stored
from app.store.people import Changes
from app.store.records import OptOutRecord

COLUMNS = ("number", "person", "at", "word", "message_uuid", "signed_by", "source")
NEEDED = COLUMNS[:2]

SHOWN = 20  # faults and warnings; the others are counted
# 3.37E+10, 3,37E+10, 33644600000.0, #N/A, ####, and what programs write for an empty cell
_DAMAGE = re.compile(r"\+?\d+([.,]\d+)?E[+-]?\d+|\+?\d+[.,]0+|#.*|nan|null|none|n/a", re.IGNORECASE)

Readings = Mapping[str, Reading]
Faults = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The opt-outs of a list, how many of them are new, and warnings of numbers that libphonenumber doubts."""

    changes: tuple[OptOutChange, ...]
    new: int
    warnings: tuple[str, ...]


async def plan_import(store: Store | None, content: bytes, read: ReadAddress) -> ImportPlan:
    """Read a CSV file with the columns number and person, and the others of `write_opt_outs` if they are there.

    `store` knows odd addresses; None: there is none yet. Raises `OperationRefused` naming each bad line, and
    `Unavailable`.
    """
    try:
        sheet = spreadsheet.read(content, NEEDED)
    except BadSheet as error:
        raise OperationRefused(str(error)) from None
    readings, faults = _read(sheet, read)
    readings |= await _from_store(store, faults)
    changes = _changes(sheet, readings, faults)
    known = await stored.known_opt_outs(store.engine, changes) if store else set()
    doubts = [f"{text}: {doubtful(reading)}" for text, reading in readings.items() if reading.doubt]
    return ImportPlan(tuple(changes), len({one.conversation for one in changes} - known), tuple(_first(doubts)))


async def import_opt_outs(store: Store, who: str, plan: ImportPlan) -> int:
    """Record the opt-outs of a list; return how many are new. Raises `Unavailable`."""
    count = 0
    for start in range(0, len(plan.changes), stored.BATCH):
        async with step():
            count += await store.change(stored.change, Changes(who, plan.changes[start : start + stored.BATCH]))
    return count


def write_opt_outs(file: IO[str], records: Iterable[OptOutRecord], shown: Callable[[str], str] = str) -> None:
    """Write opt-outs as CSV; `shown` escapes a cell for a terminal."""
    spreadsheet.write(file, COLUMNS, ([shown(cell) for cell in _cells(record)] for record in records))


def _cells(record: OptOutRecord) -> tuple[str, ...]:
    number, person, at = show(record.number), show(record.person), iso_utc(record.at)
    return (number, person, at, record.word, record.message_uuid or "", record.signed_by, record.source)


def _read(sheet: Sheet, read: ReadAddress) -> tuple[dict[str, Reading], dict[str, str]]:
    """Return what each address of a sheet means, and why the others mean nothing."""
    readings, faults = {}, {}
    is_export = set(COLUMNS) <= set(sheet.columns)
    for text in {_cell(line, name) for line in sheet.lines for name in NEEDED}:
        try:
            readings[text] = _address(text, read, is_export=is_export)
        except ValueError as error:
            faults[text] = f"{text!r}: {error}"
    return readings, faults


def _address(text: str, read: ReadAddress, *, is_export: bool) -> Reading:
    if _DAMAGE.fullmatch(text):
        raise ValueError("a spreadsheet has changed this cell; format the column as text and export it again")
    address = normalise(text)
    if is_export and address and show(address) == text:  # as `export` wrote it: what arrived, however odd
        return Reading(address)
    try:
        return read(text)
    except ValueError:
        if is_name(text):
            return Reading(address)
        raise


async def _from_store(store: Store | None, texts: Iterable[str]) -> dict[str, Reading]:
    """Return the readings of texts that are neither a number nor a name, but stand in the store."""
    odd = {text: address for text in texts if (address := normalise(text)) and not _DAMAGE.fullmatch(text)}
    known = await stored.known(store.engine, odd.values()) if store and odd else set()
    return {text: Reading(address) for text, address in odd.items() if address in known}


def _changes(sheet: Sheet, readings: Readings, faults: Faults) -> list[OptOutChange]:
    """Return the change of every row. Raises `OperationRefused` naming each bad line."""
    changes, wrong = [], []
    for line in sheet.lines:
        try:
            changes.append(_change(line, readings, faults))
        except ValueError as error:
            wrong.append(f"line {line.number}: {error}")
    if wrong:
        raise OperationRefused("\n".join(["nothing was imported", *_first(wrong)]))
    return changes


def _change(line: Line, readings: Readings, faults: Faults) -> OptOutChange:
    """Return the change of one row. Raises `ValueError`."""
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
