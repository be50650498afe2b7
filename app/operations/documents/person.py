"""A person."""

from typing import Any

from app.operations.documents.history import message_document
from app.operations.documents.limits import replies_document
from app.operations.documents.opt_outs import opt_out_document
from app.operations.person import Person
from app.plivo.numbers import show


def person_document(found: Person) -> dict[str, Any]:
    """Return the opt-outs, whether one is in force, the replies of the last day, and the newest messages first."""
    return {
        "person": show(found.address),
        "opted_out": any(one.ended_at is None for one in found.opt_outs),
        "opt_outs": [opt_out_document(one) for one in found.opt_outs],
        "replies": [replies_document(one) for one in found.replies],
        "messages": [message_document(one) for one in found.messages],
    }
