"""Opt-outs, people, targets, the state of everything, explanations, changes, problems."""

from app.web.api.kinds import Schema
from app.web.api.schemas import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    PHONE,
    STRING,
    TIME,
    an_object,
    nullable,
    one_of,
    page_of,
    ref,
    said,
    some,
)

_OPT_OUT = an_object(
    number=said(PHONE, "Your number."),
    person=PHONE,
    at=TIME,
    word=said(STRING, "The word that the person sent, or who made a change."),
    message_uuid=nullable(STRING),
    signed_by=said(STRING, "The header that verified the message; empty if there was none."),
    source=one_of("message", "command", "report"),
    ended_at=nullable(TIME),
    ended_by=nullable(STRING),
)
_PERSON = an_object(
    person=PHONE,
    opted_out=said(BOOLEAN, "Whether an opt-out from any of your numbers is in force."),
    opt_outs=said(some(ref("OptOut")), "Those that have ended included, oldest first."),
    replies=said(some(ref("ReplyCount")), "What limits have counted in the last 24 h."),
    messages=said(some(ref("Message")), "Newest first."),
)
_TARGET = an_object(
    name=STRING,
    state=said(
        one_of("paused", "failing", "busy", "running", "unknown"),
        "`paused` by an operator, `failing`: paused by failures and probed, `busy`: it asked for fewer requests, "
        "`unknown` to every running server.",
    ),
    due=INTEGER,
    dead=INTEGER,
    oldest_seconds=said(nullable(NUMBER), "The age of the oldest delivery that is due."),
    next_attempt=nullable(TIME),
)
_SERVER = an_object(
    id=STRING,
    host=STRING,
    running=BOOLEAN,
    seen_at=TIME,
    version=STRING,
    config=said(STRING, "The version of its configuration."),
    signature=one_of("any", "v3", "log-only"),
    started_at=TIME,
    reloaded_at=nullable(TIME),
    failed_reload=said(nullable(STRING), "File and line, if the last reload failed."),
)
_STATUS = an_object(
    at=TIME,
    problems=said(some(STRING), "Sentences, the worst first. Empty: all is well."),
    servers=some(ref("Server")),
    targets=some(ref("Target")),
    refused=said(
        some(an_object(reason=STRING, calls=INTEGER, advice=nullable(STRING))), "Calls refused in the last hour."
    ),
    pending=said(INTEGER, "Messages without an answer yet."),
    spending=some(an_object(scope=STRING, seconds=NUMBER, limit=INTEGER, spent=INTEGER)),
    disk_free=said(nullable(INTEGER), "Bytes."),
)
_EXPLANATION = an_object(
    route=nullable(STRING),
    rule=nullable(STRING),
    reason=STRING,
    failed=said(BOOLEAN, "Whether a rule failed and none answered."),
    steps=some(ref("Step")),
    messages=some(ref("Outgoing")),
    units=INTEGER,
    xml=STRING,
)
_PROBLEM: Schema = {
    **an_object(
        status=said(INTEGER, "The HTTP status."),
        title=said(STRING, "Its name."),
        detail=said(STRING, "What is wrong, and what to do."),
    ),
    "description": "https://www.rfc-editor.org/rfc/rfc9457",
}
_BAD_INPUT: Schema = {
    "allOf": [ref("Problem")],
    "type": "object",
    "properties": {"errors": some(an_object(member=STRING, message=STRING))},
    "required": ["errors"],
}
_REFUSED_FILE: Schema = {
    "allOf": [ref("Problem")],
    "type": "object",
    "properties": {
        "errors": some(
            an_object(file=STRING, line=nullable(INTEGER), column=nullable(INTEGER), key=STRING, message=STRING)
        )
    },
    "required": ["errors"],
}

SCHEMAS: dict[str, Schema] = {
    "OptOut": _OPT_OUT,
    "OptOutChange": an_object(
        number=PHONE,
        person=PHONE,
        opted_out=BOOLEAN,
        changed=said(BOOLEAN, "false: it was so before."),
        warnings=said(some(STRING), "What is doubtful about the numbers."),
    ),
    "ReplyCount": an_object(number=PHONE, person=PHONE, replies=INTEGER, last=TIME),
    "Person": _PERSON,
    "Forgotten": an_object(erased=said(INTEGER, "How many rows were erased.")),
    "Target": _TARGET,
    "Server": _SERVER,
    "Status": _STATUS,
    "Explanation": _EXPLANATION,
    "Replay": an_object(
        changed=said(INTEGER, "How many deliveries are due again."),
        missing=said(some(INTEGER), "The ids that were asked for and do not exist."),
        last_due_in=said(nullable(NUMBER), "Seconds until the last one is due, if they are spread over time."),
    ),
    "Pause": an_object(target=STRING, paused=BOOLEAN, changed=BOOLEAN),
    "Resume": an_object(
        target=STRING,
        paused=BOOLEAN,
        changed=said(BOOLEAN, "Whether an operator had paused it."),
        held_back_by=said(nullable(one_of("operator", "failures", "target")), "What held it back before."),
    ),
    "Reload": an_object(
        config=said(STRING, "The version of the configuration in force."),
        needs_restart=said(some(STRING), "Keys that have changed and take effect after a restart."),
    ),
    "MessagePage": page_of("Message"),
    "DeliveryPage": page_of("Delivery"),
    "OptOutPage": page_of("OptOut"),
    "TargetPage": page_of("Target"),
    "Problem": _PROBLEM,
    "BadInput": _BAD_INPUT,
    "RefusedFile": _REFUSED_FILE,
}

OPT_OUT = {
    "number": "+33644600000",
    "person": "+33700000001",
    "at": "2026-03-02T09:00:00Z",
    "word": "STOP",
    "message_uuid": "5b40a428-bfc7-4daf-9d06-726c558bf3b8",
    "signed_by": "V3",
    "source": "message",
    "ended_at": None,
    "ended_by": None,
}
REPLIES = {"number": "+33644600000", "person": "+33700000001", "replies": 2, "last": "2026-03-02T09:00:00Z"}
TARGET = {"name": "crm", "state": "running", "due": 0, "dead": 1, "oldest_seconds": None, "next_attempt": None}
STATUS = {
    "at": "2026-03-02T09:00:00Z",
    "problems": ["target crm: 1 delivery is dead; see: deliveries list --state dead"],
    "servers": [
        {
            "id": "f1a2b3c4d5e6f7a8",
            "host": "sms-1",
            "running": True,
            "seen_at": "2026-03-02T08:59:57Z",
            "version": "0.1.0",
            "config": "3f2a9c0d1b7e",
            "signature": "any",
            "started_at": "2026-03-01T18:00:00Z",
            "reloaded_at": None,
            "failed_reload": None,
        }
    ],
    "targets": [TARGET],
    "refused": [{"reason": "unsigned", "calls": 3, "advice": None}],
    "pending": 0,
    "spending": [{"scope": "", "seconds": 86400.0, "limit": 5000, "spent": 120}],
    "disk_free": 42949672960,
}
