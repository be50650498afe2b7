"""Select deliveries, in the same way for `list`, `replay` and `drop`."""

from dataclasses import dataclass

import sqlalchemy as sa

from app.store.clock import now
from app.store.schema import deliveries, is_dead, is_due, reports

_STATES = {"due": is_due, "dead": is_dead}  # literal, so that their indexes serve


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of deliveries. None and empty values select everything. Ages are in seconds, since the report
    arrived.
    """

    ids: tuple[int, ...] = ()
    target: str | None = None
    states: tuple[str, ...] = ()
    status: str | None = None  # of the report; "received" for copies of messages
    older_than: float | None = None
    newer_than: float | None = None


def conditions(selection: Selection) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a selection, for a statement on `deliveries`."""
    found: list[sa.ColumnElement[bool]] = []
    if selection.ids:
        found.append(deliveries.c.id.in_(selection.ids))
    if selection.target is not None:
        found.append(deliveries.c.target == selection.target)
    if selection.states:
        found.append(sa.or_(*(_STATES.get(state, deliveries.c.state == state) for state in selection.states)))
    if selection.status is not None:
        found.append(deliveries.c.report_id.in_(sa.select(reports.c.id).where(reports.c.status == selection.status)))
    if selection.older_than is not None:
        found.append(deliveries.c.created_at <= now() - selection.older_than)
    if selection.newer_than is not None:
        found.append(deliveries.c.created_at >= now() - selection.newer_than)
    return found
