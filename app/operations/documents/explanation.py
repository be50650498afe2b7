"""What the rules would answer to a message, and why."""

from dataclasses import asdict
from typing import Any

from app.operations.documents.outgoing import outgoing_document
from app.operations.explain import Explanation


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Return the route, the result of each rule, and the reply."""
    return {
        "route": found.route,
        "rule": found.proposal.rule,
        "reason": found.proposal.reason,
        "failed": found.proposal.failed,
        "steps": [asdict(step) for step in found.steps],
        "messages": [outgoing_document(message) for message in found.proposal.messages],
        "units": found.proposal.units,
        "xml": found.proposal.xml.decode(),
    }
