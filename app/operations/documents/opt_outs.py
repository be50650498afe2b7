"""Opt-outs with their proof."""

from typing import Any

from app.operations.opt_outs import OptOutRecord
from app.operations.times import iso_utc, moment
from app.plivo.numbers import show


def opt_out_document(record: OptOutRecord) -> dict[str, Any]:
    """Return one opt-out: since when, by what, and until when."""
    return {
        "number": show(record.number),
        "person": show(record.person),
        "at": iso_utc(record.at),
        "word": record.word,
        "message_uuid": record.message_uuid,
        "signed_by": record.signed_by,
        "source": record.source,
        "ended_at": moment(record.ended_at or None),
        "ended_by": record.ended_by,
    }
