"""The requests that the service makes, as `webhooks` of the OpenAPI document."""

from typing import Any

from app.web.api.schemas import STRING, ref
from app.web.api.schemas.webhooks import COPY, FIELDS, QUESTION, REPORT, UUID

_HEADERS = {
    "webhook-id": (
        True,
        "The same whenever this is sent again: deduplicate on it.",
        "9f3c1f0c8a6b5d7e9f3c1f0c8a6b5d7e",
    ),
    "webhook-timestamp": (True, "When this attempt was made, in seconds since the epoch.", "1772442000"),
    "webhook-signature": (False, "With `secrets`: the signature of https://www.standardwebhooks.com.", "v1,K5oZfz.."),
    "traceparent": (
        True,
        "https://www.w3.org/TR/trace-context",
        f"00-{'0af7651916cd43dd8448eb211c80319c'}-b7ad6b7169203331-01",
    ),
}
_OURS = {
    "Autoreply-In-Reply-To": (False, "The MessageUUID of the inbound message that was answered.", UUID),
    "Autoreply-Route": (False, "The route.", "shop"),
    "Autoreply-Rule": (False, "The rule that answered.", "hours"),
}
_DONE = {
    "2XX": {"description": "The delivery is done."},
    "429": {"description": "The target is busy: it gets no requests for `Retry-After`, 1 to 60 s."},
    "503": {"description": "With `Retry-After`, as 429. Without, the delivery is attempted again."},
    "default": {"description": "The delivery is attempted again after the next delay of `retry`."},
}


def _headers(declared: dict[str, tuple[bool, str, str]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": needed, "description": words, "schema": STRING, "example": example}
        for name, (needed, words, example) in declared.items()
    ]


def _post(
    summary: str, name: str, content: dict[str, Any], responses: dict[str, Any], **headers: Any
) -> dict[str, Any]:
    return {
        "post": {
            "operationId": name,
            "tags": ["webhooks"],
            "summary": summary,
            "security": [],
            "parameters": _headers(_HEADERS | headers),
            "requestBody": {"required": True, "content": content},
            "responses": responses,
        }
    }


def _json(schema: str, example: Any) -> dict[str, Any]:
    return {"application/json": {"schema": ref(schema), "example": example}}


_REPLIES = {
    "text": {"value": {"text": "Hi, I am the bot."}},
    "messages": {"value": {"messages": [{"text": "Hi."}, {"text": "A customer wrote.", "to": "+33612345678"}]}},
    "rule": {"value": {"rule": "hours"}},
}
_ANSWERS = {
    "200": {
        "description": "The reply. A text/plain body is the text of the reply; an empty one is silence.",
        "content": {
            "application/json": {"schema": ref("WebhookRuleReply"), "examples": _REPLIES},
            "text/plain": {"schema": STRING, "example": "Hi, I am the bot."},
        },
    },
    "204": {"description": "Pass: the next rule is asked."},
    "default": {"description": "A failure of the rule. So are `text/html` and a body over 16 KiB."},
}

WEBHOOKS: dict[str, Any] = {
    "webhookRule": _post(
        "A `webhook` rule asks what to reply",
        "askWebhookRule",
        _json("WebhookRuleRequest", QUESTION),
        _ANSWERS,
    ),
    "report": _post("A delivery report, for a target", "postReport", _json("ReportEvent", REPORT), _DONE),
    "message": _post(
        'A copy of an inbound message, for a target with `send = ["messages"]`',
        "postMessage",
        _json("MessageEvent", COPY),
        _DONE,
    ),
    "plivoForm": _post(
        'A report or a copy, for a target with `format = "plivo"`',
        "postPlivoForm",
        {"application/x-www-form-urlencoded": {"schema": ref("PlivoForm"), "example": FIELDS}},
        _DONE,
        **_OURS,
    ),
}
