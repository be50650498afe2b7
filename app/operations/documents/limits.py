"""What limits have counted."""

from typing import Any

from app.operations.limits import LimitCounts
from app.operations.times import iso_utc
from app.plivo.numbers import show
from app.store.records import ReplyCount


def limits_document(found: LimitCounts) -> dict[str, Any]:
    """Return the units spent of each spending cap, and the people with the most replies."""
    return {
        "spending": [{"scope": cap.scope, "limit": str(cap.rate), "spent": cap.spent} for cap in found.spending],
        "people": [replies_document(count) for count in found.people],
    }


def replies_document(count: ReplyCount) -> dict[str, Any]:
    """Return the number of replies to a person from one of our numbers."""
    return {
        "number": show(count.number),
        "person": show(count.person),
        "replies": count.replies,
        "last": iso_utc(count.last),
    }
