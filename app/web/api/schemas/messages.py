"""Messages, reports, deliveries and attempts."""

from app.plivo.messages import STATUSES
from app.web.api.kinds import Schema
from app.web.api.schemas import (
    INTEGER,
    NUMBER,
    PHONE,
    STRING,
    TIME,
    an_object,
    nullable,
    one_of,
    ref,
    said,
    some,
)

STATES = ("due", "done", "dead", "dropped")
_UUID = said(STRING, "The MessageUUID of the inbound message.")

_ATTEMPT = an_object(
    at=TIME,
    seconds=said(NUMBER, "How long it took."),
    status=said(nullable(INTEGER), "The HTTP status of the target."),
    error=said(nullable(STRING), "What went wrong."),
    response=said(nullable(STRING), "How the body of the response began, as long as it is kept."),
)
_DELIVERY = {
    "id": INTEGER,
    "target": STRING,
    "state": one_of(*STATES),
    "attempts": INTEGER,
    "due_at": nullable(TIME),
    "settled_at": nullable(TIME),
    "status": said(nullable(INTEGER), "The HTTP status of the last attempt."),
    "error": said(nullable(STRING), "What went wrong with the last attempt."),
    "tries": some(ref("Attempt")),
}
_OUTGOING = an_object(
    src=said(PHONE, "The number that sends."),
    dst=said(some(PHONE), "Who gets it."),
    text=STRING,
    units=said(INTEGER, "SMS units for each recipient."),
)
_STEP = an_object(rule=STRING, verdict=one_of("answers", "passes", "fails", "not asked"), reason=STRING)
_CALL = an_object(at=TIME, status=said(INTEGER, "The HTTP status that Plivo got."), reason=STRING)
_REPORT = an_object(
    kind=one_of("report"),
    id=STRING,
    received_at=TIME,
    message_uuid=said(STRING, "The MessageUUID of the message that is reported on."),
    in_reply_to=said(nullable(STRING), "The MessageUUID of the inbound message that was answered."),
    from_=PHONE,
    to=PHONE,
    status=said(STRING, f"Plivo's: {', '.join(STATUSES)}."),
    sequence=nullable(INTEGER),
    error_code=nullable(STRING),
    error_text=nullable(STRING),
    route=nullable(STRING),
    rule=nullable(STRING),
    plivo=said(ref("PlivoFields"), "Every field as Plivo sent it."),
    deliveries=some(ref("MessageDelivery")),
)
_MESSAGE = an_object(
    kind=one_of("message"),
    message_uuid=_UUID,
    state=one_of("pending", "answered"),
    received_at=TIME,
    answered_at=nullable(TIME),
    handed_over_at=said(nullable(TIME), "When Plivo first fetched the answer."),
    calls=said(some(ref("Call")), "Every call that Plivo made for it."),
    from_=PHONE,
    to=PHONE,
    type=said(STRING, "sms, mms or whatsapp."),
    intent=said(STRING, "Plivo's MessageIntent: optout, optin, help or empty."),
    text=said(nullable(STRING), "null once it is no longer kept."),
    media=some(STRING),
    route=nullable(STRING),
    rule=said(nullable(STRING), "The rule that answered."),
    reason=said(STRING, "Why it was answered so, or not."),
    steps=said(some(ref("Step")), "The result of each rule."),
    xml=said(STRING, "The answer; empty while there is none, and once it is no longer kept."),
    messages=said(some(ref("Outgoing")), "What was sent."),
    signed_by=said(nullable(STRING), "The header that verified it: V3, Ma-V3, V2 or Ma-V2."),
    token=said(nullable(INTEGER), "The position of the auth token that verified it, from 1."),
    units=said(INTEGER, "SMS units that Plivo bills for the reply."),
    config=said(STRING, "The version of the configuration that was in force."),
    deliveries=said(some(ref("MessageDelivery")), "Of the copy of the message."),
    reports=some(ref("Report")),
)

SCHEMAS: dict[str, Schema] = {
    "Attempt": _ATTEMPT,
    "Call": _CALL,
    "Step": _STEP,
    "Outgoing": _OUTGOING,
    "PlivoFields": {
        "type": "object",
        "additionalProperties": {"oneOf": [STRING, some(STRING)]},
        "description": "Fields as Plivo sent them; a repeated one has a list of values.",
    },
    "MessageDelivery": {"type": "object", "properties": _DELIVERY, "required": list(_DELIVERY)},
    "Report": _REPORT,
    "Message": _MESSAGE,
    "Delivery": an_object(
        **_DELIVERY,
        report_id=STRING,
        message_uuid=STRING,
        in_reply_to=nullable(STRING),
        report_status=said(STRING, 'The status in the report; "received" for the copy of a message.'),
        person=said(STRING, "Whom the report is about, or who wrote the message."),
        created_at=TIME,
        held_back_by=said(nullable(one_of("operator", "failures", "target")), "What holds the target back."),
        next_attempt=said(nullable(TIME), "The next attempt for a target that is held back."),
    ),
}

_AT, _REPORT_AT = "2026-03-02T09:00:00Z", "2026-03-02T09:00:03Z"
_EXAMPLE_UUID = "5b40a428-bfc7-4daf-9d06-726c558bf3b8"
_REPLY_UUID = "b795906a-8a79-11f0-9bd8-0242ac110002"
ATTEMPT = {"at": _REPORT_AT, "seconds": 0.041, "status": 500, "error": "status 500", "response": "no such table"}
DELIVERY = {
    "id": 812,
    "target": "crm",
    "state": "dead",
    "attempts": 10,
    "due_at": _REPORT_AT,
    "settled_at": _REPORT_AT,
    "status": 500,
    "error": "status 500",
    "tries": [ATTEMPT],
}
REPORT = {
    "kind": "report",
    "id": "9f3c1f0c8a6b5d7e9f3c1f0c8a6b5d7e",
    "received_at": _REPORT_AT,
    "message_uuid": _REPLY_UUID,
    "in_reply_to": _EXAMPLE_UUID,
    "from": "+33644600000",
    "to": "+33700000001",
    "status": "delivered",
    "sequence": 3,
    "error_code": None,
    "error_text": None,
    "route": "shop",
    "rule": "hours",
    "plivo": {"MessageUUID": _REPLY_UUID, "Status": "delivered", "From": "33644600000", "To": "33700000001"},
    "deliveries": [{**DELIVERY, "due_at": None}],
}
SENT = {"src": "+33644600000", "dst": ["+33700000001"], "text": "Open Mon-Fri 9:00-18:00.", "units": 1}
STEPS = [{"rule": "hours", "verdict": "answers", "reason": "keyword 'HOURS'"}]
XML = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Message src="33644600000" dst="33700000001" type="sms" '
    f'callbackUrl="https://sms.example.com/report/{_EXAMPLE_UUID}" callbackMethod="POST">Open Mon-Fri 9:00-18:00.'
    "</Message></Response>"
)
MESSAGE = {
    "kind": "message",
    "message_uuid": _EXAMPLE_UUID,
    "state": "answered",
    "received_at": _AT,
    "answered_at": _AT,
    "handed_over_at": _AT,
    "calls": [{"at": _AT, "status": 200, "reason": "answered"}],
    "from": "+33700000001",
    "to": "+33644600000",
    "type": "sms",
    "intent": "",
    "text": "Hours?",
    "media": [],
    "route": "shop",
    "rule": "hours",
    "reason": "keyword 'HOURS'",
    "steps": STEPS,
    "xml": XML,
    "messages": [SENT],
    "signed_by": "V3",
    "token": 1,
    "units": 1,
    "config": "3f2a9c0d1b7e",
    "deliveries": [],
    "reports": [REPORT],
}
DELIVERY_IN_LIST = DELIVERY | {
    "report_id": REPORT["id"],
    "message_uuid": _REPLY_UUID,
    "in_reply_to": _EXAMPLE_UUID,
    "report_status": "delivered",
    "person": "+33700000001",
    "created_at": _REPORT_AT,
    "held_back_by": None,
    "next_attempt": None,
}
OUTCOMES_IN_WORDS = (
    "`answered`: with a reply. `silent`: no reply, by decision. `pending`: not answered yet. `failed`: a rule failed, "
    "and nothing was sent. `not_fetched`: the answer is ready, and Plivo has not fetched it. `delivered` and "
    "`undelivered`: by Plivo's reports."
)
