"""The body and headers of a delivery, one function for each format. Pure.

`json` is this service's own stable format. `plivo` is the form that Plivo sent, so that code written for Plivo's
callbacks works unchanged.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.delivery.queue import Copy, Delivery, StoredReport
from app.delivery.target import Format
from app.plivo import markup
from app.plivo.errors import TEXTS
from app.plivo.messages import Parameters
from app.plivo.numbers import show
from app.plivo.signature import V2, V3, Request, Token, signed_headers

Written = tuple[bytes, dict[str, str]]  # body and headers


def as_json(delivery: Delivery) -> Written:
    """Return `{"type": "sms.report" or "sms.message", "timestamp", "data": {..}}`. Numbers are E.164, times are UTC."""
    match delivery.content:
        case StoredReport() as content:
            kind, data = "sms.report", _report(content, stale=delivery.stale)
        case Copy() as content:
            kind, data = "sms.message", _message(content)
    timestamp = datetime.fromtimestamp(content.received_at, UTC).isoformat(timespec="milliseconds")
    envelope = {"type": kind, "timestamp": timestamp.replace("+00:00", "Z"), "data": data}
    return json.dumps(envelope, ensure_ascii=False).encode(), {"content-type": "application/json"}


def as_plivo(delivery: Delivery) -> Written:
    """Return Plivo's own fields, unchanged and in order, form-encoded. Our fields are in headers."""
    content = delivery.content
    ours = {
        "Autoreply-In-Reply-To": content.report.in_reply_to if isinstance(content, StoredReport) else None,
        "Autoreply-Route": content.route,
        "Autoreply-Rule": content.rule,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"} | {
        name: value for name, value in ours.items() if value
    }
    return urlencode(content.parameters).encode(), headers


def as_plivo_signs(delivery: Delivery, url: str, token: Token, nonce: str, form: Format) -> dict[str, str]:
    """Return V2 and V3 headers for the target's own URL, so that Plivo's SDK validates a forwarded report unchanged."""
    body = delivery.content.parameters if form == "plivo" else ()
    request = Request.of("POST", url, body)
    return {**signed_headers(request, V2, "V2", token, nonce), **signed_headers(request, V3, "V3", token, nonce)}


FORMATS: Mapping[Format, Callable[[Delivery], Written]] = {"json": as_json, "plivo": as_plivo}


def _report(content: StoredReport, *, stale: bool) -> dict[str, Any]:
    report = content.report
    return {
        "message_uuid": report.message_uuid,
        "parent_message_uuid": _sent(report.parameters, "ParentMessageUUID"),
        "part": _sent(report.parameters, "PartInfo"),
        "in_reply_to": report.in_reply_to,
        "route": content.route,
        "rule": content.rule,
        "from": show(report.sender),
        "to": show(report.to),
        "status": report.status,
        "error_code": report.error_code or None,
        "error_text": TEXTS.get(report.error_code),
        "units": report.units,
        "sequence": report.sequence,
        "stale": stale,
        "plivo": as_mapping(report.parameters),
    }


def _message(copy: Copy) -> dict[str, Any]:
    return {
        "message_uuid": copy.message_uuid,
        "route": copy.route,
        "rule": copy.rule,
        "from": show(copy.sender),
        "to": show(copy.to),
        "text": copy.text,
        "type": copy.type,
        "intent": copy.intent or None,
        "units": copy.units,
        "media": copy.media,
        "reason": copy.reason,
        "answer": [
            {"from": show(message.src), "to": show(number), "text": message.text}
            for message in markup.parse(copy.xml)
            for number in message.dst
        ],
        "plivo": as_mapping(copy.parameters),
    }


def _sent(parameters: Parameters, name: str) -> str | None:
    """Return the first field of that name as Plivo sent it; None if it is empty or missing."""
    return next((value for field, value in parameters if field == name), None) or None


def as_mapping(parameters: Parameters) -> dict[str, Any]:
    """Return parameters as a JSON object. A repeated name has a list of values."""
    fields: dict[str, Any] = {}
    for name, value in parameters:
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields
