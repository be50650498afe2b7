"""The history of a person or message."""

from dataclasses import asdict
from typing import Any

from app.delivery.payloads import as_mapping
from app.operations.documents.deliveries import attempt_document
from app.operations.documents.outgoing import outgoing_document
from app.operations.history import (
    CallRecord,
    DeliveryRecord,
    History,
    MessageRecord,
    OptOutRecord,
    ReportRecord,
    sent_by,
)
from app.operations.times import iso_utc, moment
from app.plivo.errors import TEXTS
from app.plivo.numbers import show


def history_documents(found: History) -> list[dict[str, Any]]:
    """Return the messages, then the other reports; each with the opt-outs of its person that are in force.

    They are null where the history is of several people.
    """
    in_force = [_opt_out(one) for one in found.opt_outs if one.ended_at is None]
    person = {"opt_outs": in_force if found.person is not None else None}
    return [row | person for row in (*map(message_document, found.messages), *map(report_document, found.reports))]


def _opt_out(one: OptOutRecord) -> dict[str, Any]:
    return {
        "number": show(one.number),
        "since": iso_utc(one.at),
        "word": one.word,
        "source": one.source,
        "message_uuid": one.message_uuid,
    }


def message_document(message: MessageRecord) -> dict[str, Any]:
    """Return a message with its calls, its answer, the result of each rule, reports and deliveries."""
    head = {
        "kind": "message",
        "message_uuid": message.message_uuid,
        "state": message.state,
        "received_at": iso_utc(message.received_at),
        "answered_at": moment(message.answered_at),
        "handed_over_at": moment(message.handed_over_at),
        "calls": [_call(call) for call in message.calls],
    }
    return head | {
        "from": show(message.sender),
        "to": show(message.recipient),
        "type": message.type,
        "intent": message.intent,
        "text": message.text,
        "media": list(message.media),
        "route": message.route,
        "rule": message.rule,
        "reason": message.reason,
        "steps": [asdict(step) for step in message.steps],
        "xml": message.xml,
        "messages": [outgoing_document(one) for one in sent_by(message)],
        "signed_by": message.signed_by or None,
        "token": message.token or None,
        "units": message.reply_units,
        "config": message.config,
        "deliveries": [_delivery(delivery) for delivery in message.deliveries],
        "reports": [report_document(report) for report in message.reports],
    }


def _call(call: CallRecord) -> dict[str, Any]:
    return {"at": iso_utc(call.at), "status": call.status, "reason": call.reason}


def report_document(report: ReportRecord) -> dict[str, Any]:
    """Return a report of Plivo with its deliveries."""
    return {
        "kind": "report",
        "id": report.id,
        "received_at": iso_utc(report.received_at),
        "message_uuid": report.message_uuid,
        "in_reply_to": report.in_reply_to,
        "from": show(report.sender),
        "to": show(report.recipient),
        "status": report.status,
        "sequence": report.sequence,
        "error_code": report.error_code or None,
        "error_text": TEXTS.get(report.error_code),
        "route": report.route,
        "rule": report.rule,
        "plivo": as_mapping(report.parameters),
        "deliveries": [_delivery(delivery) for delivery in report.deliveries],
    }


def _delivery(one: DeliveryRecord) -> dict[str, Any]:
    return {
        "id": one.id,
        "target": one.target,
        "state": one.state,
        "attempts": one.attempts,
        "due_at": iso_utc(one.due_at) if one.state == "due" else None,
        "settled_at": moment(one.settled_at),
        "status": one.status,
        "error": one.error,
        "tries": [attempt_document(each) for each in one.tries],
    }
