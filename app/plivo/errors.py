"""Plivo's error codes as text, for delivery reports and the operator's screen.

https://www.plivo.com/docs/messaging/concepts/error-codes (the list is open-ended; an unknown code has no text).
"""

BLOCKED_BY_STOP = "200"  # the person has sent STOP to Plivo: https://docs.plivo.com/docs/messaging/concepts/dnd-service

TEXTS = {
    "10": "invalid message",
    "20": "network error",
    "30": "spam detected",
    "40": "invalid source number",
    "50": "invalid destination number",
    "60": "loop detected",
    "70": "destination permanently unavailable",
    "80": "destination temporarily unavailable",
    "90": "no route available",
    "100": "prohibited by carrier",
    "110": "message too long",
    BLOCKED_BY_STOP: "source number blocked by STOP from destination number",
    "201": "outbound messages from US toll-free numbers to Canada are not allowed",
    "300": "failed to dispatch message",
    "420": "message expired",
    "450": "destination country barred",
    "900": "insufficient credit",
    "910": "account disabled",
    "1000": "unknown error",
}
