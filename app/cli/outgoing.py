"""Render one message of a reply."""

from app.cli.output import counted
from app.plivo import units
from app.plivo.messages import Outgoing
from app.plivo.numbers import show


def outgoing_line(one: Outgoing) -> str:
    """Return who gets what from which number, and its cost."""
    people = ", ".join(map(show, one.dst))
    return f"{show(one.src)} -> {people}, {counted(units.count(one.text), 'unit')}: {one.text}"
