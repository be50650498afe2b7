"""What is recorded of a decision: the journal's entry, what the answer uses up, and who gets a copy."""

from dataclasses import dataclass

from app.engine import Decision
from app.plivo.messages import InboundMessage, Verified
from app.policies.ledger import CopyTo, Entry, Ruling


@dataclass(frozen=True, slots=True)
class AnsweringOptions:
    """How answers are given and kept."""

    keep_text: bool
    config: str  # the version in force
    owner: str  # of this process's claims


def ruling(
    message: InboundMessage,
    request: Verified,
    at: float,
    decision: Decision,
    options: AnsweringOptions,
    copy: CopyTo | None,
) -> Ruling:
    """Of a message that came `at` this time."""
    keep = options.keep_text
    entry = Entry(
        message_uuid=message.message_uuid,
        received_at=at,
        sender=message.sender,
        to=message.to,
        type=message.type,
        intent=message.intent,
        text=message.text.replace("\0", "") if keep else None,
        units=message.units,
        media=message.media if keep else (),
        route=decision.route,
        rule=decision.rule,
        reason=decision.reason,
        steps=decision.steps,
        xml=decision.xml,
        signed_by=request.signed_by,
        config=options.config,
    )
    keys = tuple(use.key for use in decision.uses)
    return Ruling(entry, decision.text_key, decision.units, decision.scopes, keys, decision.opt_out, copy)
