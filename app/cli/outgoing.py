"""Render one message of a reply, for people and as JSON."""

from typing import Any

from app.cli.output import counted
from app.plivo import units
from app.plivo.messages import Outgoing
from app.plivo.numbers import show


def outgoing_line(one: Outgoing) -> str:
    """Return who gets what from which number, and its cost."""
    people = ", ".join(map(show, one.dst))
    return f"{show(one.src)} -> {people}, {counted(units.count(one.text), 'unit')}: {one.text}"


def outgoing_json(one: Outgoing) -> dict[str, Any]:
    """Return the same as JSON has it."""
    return {
        "src": show(one.src),
        "dst": [show(number) for number in one.dst],
        "text": one.text,
        "units": units.count(one.text),
    }
