"""W3C trace context: one trace for all that belongs to an inbound message. Pure.

https://www.w3.org/TR/trace-context/. The trace ID is derived from the MessageUUID, so it is the same for the webhook
that was asked, the reports on the reply and the log lines, on every replica and after every restart.
"""

from hashlib import sha256


def trace_id(message_uuid: str) -> str:
    """Return the trace ID of a message: 32 hex digits."""
    return sha256(message_uuid.encode()).hexdigest()[:32]


def traceparent(message_uuid: str, request_id: str) -> str:
    """Return the header of a request in the trace of a message. `request_id` is what identifies the request there."""
    return f"00-{trace_id(message_uuid)}-{sha256(request_id.encode()).hexdigest()[:16]}-01"
