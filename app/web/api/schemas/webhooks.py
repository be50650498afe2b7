"""The bodies of the requests that the service makes, and of the replies of webhook rules."""

from app.delivery.queue import STAGES
from app.plivo.messages import STATUSES
from app.web.api.kinds import Schema
from app.web.api.schemas import BOOLEAN, INTEGER, PHONE, STRING, TIME, an_object, nullable, one_of, ref, said, some

_FROM, _TO = said(PHONE, "Who sent it."), said(PHONE, "Who got it.")
_MEDIA = said(some(STRING), "URLs of Plivo.")

_QUESTION = an_object(
    from_=_FROM,
    to=said(PHONE, "Your number."),
    text=STRING,
    type=said(STRING, "sms, mms or whatsapp."),
    message_uuid=STRING,
    media=_MEDIA,
    units=nullable(INTEGER),
    route=STRING,
    rule=said(STRING, "The rule that asks."),
    received_at=TIME,
)
_REPLY_TEXT: Schema = {
    "type": "object",
    "properties": {"text": said(STRING, "The reply; empty: silence.")},
    "required": ["text"],
    "additionalProperties": False,
}
_REPLY_MESSAGES: Schema = {
    "type": "object",
    "properties": {
        "messages": some(
            {
                "type": "object",
                "properties": {
                    "text": STRING,
                    "to": said(STRING, "The sender, or a number in `allow_to`; the sender if it is not given."),
                },
                "required": ["text"],
                "additionalProperties": False,
            }
        )
    },
    "required": ["messages"],
    "additionalProperties": False,
}
_REPLY_RULE: Schema = {
    "type": "object",
    "properties": {"rule": said(STRING, "A rule of the same route, which is asked next.")},
    "required": ["rule"],
    "additionalProperties": False,
}
_REPORT = an_object(
    type=one_of("sms.report"),
    timestamp=TIME,
    data=an_object(
        message_uuid=said(STRING, "The MessageUUID of the message that is reported on."),
        parent_message_uuid=nullable(STRING),
        part=said(nullable(STRING), "Plivo's PartInfo, as 1 of 2."),
        in_reply_to=said(nullable(STRING), "The MessageUUID of the inbound message that was answered."),
        route=nullable(STRING),
        rule=nullable(STRING),
        from_=said(PHONE, "Your number."),
        to=_TO,
        status=said(STRING, f"Plivo's: {', '.join(STATUSES)}."),
        error_code=nullable(STRING),
        error_text=nullable(STRING),
        units=nullable(INTEGER),
        sequence=said(nullable(INTEGER), "The order in which Plivo wrote the reports of one message."),
        stale=said(BOOLEAN, "Whether this target has already accepted a later report of the message."),
        plivo=ref("PlivoFields"),
    ),
)
_COPY = an_object(
    type=one_of("sms.message"),
    timestamp=TIME,
    data=an_object(
        message_uuid=STRING,
        route=nullable(STRING),
        rule=nullable(STRING),
        from_=_FROM,
        to=said(PHONE, "Your number."),
        text=nullable(STRING),
        type=STRING,
        intent=nullable(STRING),
        units=nullable(INTEGER),
        media=_MEDIA,
        reason=said(STRING, "Why it was answered so, or not."),
        answer=said(some(an_object(from_=PHONE, to=PHONE, text=STRING)), "What was sent; empty for silence."),
        plivo=ref("PlivoFields"),
    ),
)
_FORM: Schema = {
    "type": "object",
    "properties": {
        "MessageUUID": STRING,
        "Status": {"type": "string", "examples": list(STAGES)},
        "From": STRING,
        "To": STRING,
        "Sequence": STRING,
        "ErrorCode": STRING,
    },
    "required": ["MessageUUID"],
    "additionalProperties": {"oneOf": [STRING, some(STRING)]},
    "description": "Every field as Plivo sent it, in order. A copy of a message has the fields of the message.",
}

SCHEMAS: dict[str, Schema] = {
    "WebhookRuleRequest": _QUESTION,
    "WebhookRuleReply": {"oneOf": [_REPLY_TEXT, _REPLY_MESSAGES, _REPLY_RULE]},
    "ReportEvent": _REPORT,
    "MessageEvent": _COPY,
    "PlivoForm": _FORM,
}

_AT = "2026-03-02T09:00:00.000Z"
UUID, _REPLY_UUID = "5b40a428-bfc7-4daf-9d06-726c558bf3b8", "b795906a-8a79-11f0-9bd8-0242ac110002"
_US, _THEM = "+33644600000", "+33700000001"
FIELDS = {"MessageUUID": _REPLY_UUID, "Status": "delivered", "From": _US[1:], "To": _THEM[1:]}
QUESTION = {
    "from": _THEM,
    "to": _US,
    "text": "hello",
    "type": "sms",
    "message_uuid": UUID,
    "media": [],
    "units": 1,
    "route": "shop",
    "rule": "bot",
    "received_at": _AT,
}
REPORT = {
    "type": "sms.report",
    "timestamp": _AT,
    "data": {
        "message_uuid": _REPLY_UUID,
        "parent_message_uuid": None,
        "part": None,
        "in_reply_to": UUID,
        "route": "shop",
        "rule": "hours",
        "from": _US,
        "to": _THEM,
        "status": "delivered",
        "error_code": None,
        "error_text": None,
        "units": 1,
        "sequence": 3,
        "stale": False,
        "plivo": FIELDS,
    },
}
COPY = {
    "type": "sms.message",
    "timestamp": _AT,
    "data": {
        "message_uuid": UUID,
        "route": "shop",
        "rule": "hours",
        "from": _THEM,
        "to": _US,
        "text": "Hours?",
        "type": "sms",
        "intent": None,
        "units": 1,
        "media": [],
        "reason": "keyword 'HOURS'",
        "answer": [{"from": _US, "to": _THEM, "text": "Open Mon-Fri 9:00-18:00."}],
        "plivo": {"MessageUUID": UUID, "From": _THEM[1:], "To": _US[1:], "Text": "Hours?"},
    },
}
