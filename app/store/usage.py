"""What limits, cooldowns and opt-outs remember: read for a group of messages, and written with them (G8, G9)."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from app.policies.ledger import Fuse, Memory, OptOutChange, Pair, Recall, Ruling
from app.store.database import insert_new, insert_or
from app.store.schema import cooldowns, opt_outs, replies, spending

SLOT = 600  # seconds; a fuse remembers at most ten minutes longer than it says, never shorter


class Remembered:
    """What a group of messages needs to know. `note` keeps it true while the group is judged one by one."""

    def __init__(self, connection: sa.Connection, recalls: Sequence[Recall]) -> None:
        self._out = _opted_out(connection, {pair for recall in recalls for pair in recall.people})
        self._replies = _replies(connection, [recall for recall in recalls if recall.window])
        self._spent = _spent(connection, {(fuse, recall.now) for recall in recalls for fuse in recall.fuses})
        self._cooldowns = _cooldowns(connection, {recall.pair for recall in recalls if recall.cooldowns})

    def memory(self, recall: Recall) -> Memory:
        """For one message."""
        return Memory(
            opted_out=frozenset(recall.people & self._out),
            replies=tuple(self._replies.get(recall.pair, ())) if recall.window else (),
            spent={fuse: self._spent.get(fuse, 0) for fuse in recall.fuses},
            cooldowns=self._cooldowns.get(recall.pair, {}),
        )

    def note(self, recall: Recall, ruling: Ruling) -> None:
        """What a ruling changes, for those behind it in the group."""
        if ruling.text_key is not None:
            self._replies.setdefault(recall.pair, []).append((recall.now, ruling.text_key))
        for fuse in self._spent:
            self._spent[fuse] += ruling.units if fuse.scope in ruling.scopes else 0
        for key in ruling.cooldowns:
            self._cooldowns.setdefault(recall.pair, {})[key] = recall.now
        if ruling.opt_out:
            (self._out.add if ruling.opt_out.out else self._out.discard)(ruling.opt_out.pair)


def write(connection: sa.Connection, rulings: Iterable[tuple[Recall, Ruling]]) -> None:
    """What the answers of a group use up."""
    said: list[dict[str, Any]] = []
    burnt: dict[tuple[str, int], int] = {}
    cooling: list[dict[str, Any]] = []
    for recall, ruling in rulings:
        uuid = ruling.entry.message_uuid
        common = {"number": recall.pair.number, "person": recall.pair.person, "at": recall.now, "message_uuid": uuid}
        if ruling.text_key is not None:
            said.append({**common, "text_key": ruling.text_key})
        for scope in ruling.scopes:
            slot = (scope, int(recall.now // SLOT))
            burnt[slot] = burnt.get(slot, 0) + ruling.units
        cooling += [{**common, "key": key} for key in ruling.cooldowns]
        if ruling.opt_out:
            change(connection, ruling.opt_out)
    if said:
        connection.execute(insert_new(replies), said)
    if burnt:
        rows = [{"scope": scope, "slot": slot, "units": units} for (scope, slot), units in sorted(burnt.items())]
        connection.execute(insert_or(spending, lambda new: {"units": spending.c.units + new.units}), rows)
    if cooling:
        connection.execute(insert_or(cooldowns, lambda new: {"at": new.at, "message_uuid": new.message_uuid}), cooling)


def change(connection: sa.Connection, made: OptOutChange) -> bool:
    """An opt-out begins or ends; whether anything changed."""
    pair = {"number": made.pair.number, "person": made.pair.person}
    if not made.out:
        ended = sa.update(opt_outs).filter_by(**pair).where(opt_outs.c.ended_at.is_(None))
        return connection.execute(ended.values(ended_at=made.at, ended_by=made.word)).rowcount > 0
    row = {
        **pair,
        "at": made.at,
        "message_uuid": made.message_uuid,
        "word": made.word,
        "signed_by": made.signed_by,
        "source": made.source,
        "ended_at": None,
        "ended_by": None,
    }
    begun = insert_or(
        opt_outs, lambda _new: {key: row[key] for key in row.keys() - pair.keys()}, opt_outs.c.ended_at.is_not(None)
    )
    return connection.execute(begun, row).rowcount > 0


def _pairs(table: sa.Table, pairs: Iterable[Pair]) -> sa.ColumnElement[bool]:
    return sa.tuple_(table.c.number, table.c.person).in_([tuple(pair) for pair in pairs])


def _opted_out(connection: sa.Connection, pairs: set[Pair]) -> set[Pair]:
    if not pairs:
        return set()
    query = sa.select(opt_outs.c.number, opt_outs.c.person).where(
        _pairs(opt_outs, pairs), opt_outs.c.ended_at.is_(None)
    )
    return {Pair(row.number, row.person) for row in connection.execute(query)}


def _replies(connection: sa.Connection, recalls: Sequence[Recall]) -> dict[Pair, list[tuple[float, str]]]:
    found: dict[Pair, list[tuple[float, str]]] = {}
    if recalls:
        since = min(recall.now - recall.window for recall in recalls)
        query = sa.select(replies).where(_pairs(replies, {recall.pair for recall in recalls}), replies.c.at > since)
        for row in connection.execute(query):
            found.setdefault(Pair(row.number, row.person), []).append((row.at, row.text_key))
    return found


def _spent(connection: sa.Connection, fuses: set[tuple[Fuse, float]]) -> dict[Fuse, int]:
    """One sum a fuse, whatever the size of the group."""
    moments: dict[Fuse, float] = {}
    for fuse, at in fuses:
        moments[fuse] = min(at, moments.get(fuse, at))
    return {fuse: spent(connection, fuse, at) for fuse, at in moments.items()}


def spent(connection: sa.Connection, fuse: Fuse, at: float) -> int:
    """Units in the window of a fuse. The slot in which it begins counts whole, so that a short one burns too."""
    slots = spending.c.slot >= int((at - fuse.seconds) // SLOT)
    query = sa.select(sa.func.coalesce(sa.func.sum(spending.c.units), 0)).where(spending.c.scope == fuse.scope, slots)
    return int(connection.scalar(query) or 0)


def _cooldowns(connection: sa.Connection, pairs: set[Pair]) -> dict[Pair, dict[str, float]]:
    found: dict[Pair, dict[str, float]] = {}
    if pairs:
        for row in connection.execute(sa.select(cooldowns).where(_pairs(cooldowns, pairs))):
            found.setdefault(Pair(row.number, row.person), {})[row.key] = row.at
    return found
