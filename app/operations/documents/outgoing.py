"""One message of a reply."""

from typing import Any

from app.plivo import units
from app.plivo.messages import Outgoing
from app.plivo.numbers import show


def outgoing_document(one: Outgoing) -> dict[str, Any]:
    """Return who gets what from which number, and the SMS units for each recipient."""
    return {
        "src": show(one.src),
        "dst": [show(number) for number in one.dst],
        "text": one.text,
        "units": units.count(one.text),
    }
