"""What the operator changes; each change leaves a row of who, when and what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.store.database import insert_new, now
from app.store.tables import actions, deliveries, pauses


@dataclass(frozen=True, slots=True)
class Selection:
    """Deliveries by id, or by target and state."""

    who: str
    ids: tuple[int, ...] = ()
    target: str | None = None
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """A target to be paused or resumed."""

    who: str
    target: str


def replay(connection: sa.Connection, selections: Sequence[Selection]) -> list[list[int]]:
    """Due now, with all tries before them again; the ids."""
    fresh = {"state": "due", "attempts": 0, "lease": None, "settled_at": None, "due_at": now()}
    return [_change(connection, "replay", selection, fresh) for selection in selections]


def drop(connection: sa.Connection, selections: Sequence[Selection]) -> list[list[int]]:
    """Never tried again; the ids."""
    return [
        _change(connection, "drop", selection, {"state": "dropped", "lease": None, "settled_at": now()})
        for selection in selections
    ]


def pause(connection: sa.Connection, pausings: Sequence[Pause]) -> list[bool]:
    """Nothing is posted until `resume`; whether it was running."""
    results = []
    for pausing in pausings:
        paused = connection.execute(insert_new(pauses).values(target=pausing.target, paused_at=now()))
        leave_trace(connection, pausing.who, f"pause {pausing.target}")
        results.append(paused.rowcount > 0)
    return results


def resume(connection: sa.Connection, pausings: Sequence[Pause]) -> list[bool]:
    """Posted again; whether it was paused."""
    results = []
    for pausing in pausings:
        resumed = connection.execute(sa.delete(pauses).where(pauses.c.target == pausing.target))
        leave_trace(connection, pausing.who, f"resume {pausing.target}")
        results.append(resumed.rowcount > 0)
    return results


def _change(connection: sa.Connection, verb: str, selection: Selection, values: dict[str, Any]) -> list[int]:
    statement = sa.update(deliveries).values(values).returning(deliveries.c.id)
    if selection.ids:
        statement = statement.where(deliveries.c.id.in_(selection.ids))
    if selection.target is not None:
        statement = statement.where(deliveries.c.target == selection.target)
    if selection.states:
        statement = statement.where(deliveries.c.state.in_(selection.states))
    changed = sorted(connection.scalars(statement))
    what = f"target {selection.target}" if selection.target is not None else f"ids {', '.join(map(str, selection.ids))}"
    leave_trace(connection, selection.who, f"{verb} {what}: {len(changed)} deliveries")
    return changed


def leave_trace(connection: sa.Connection, who: str, what: str) -> None:
    """Who did what, and when."""
    connection.execute(sa.insert(actions).values(at=now(), who=who, what=what))
