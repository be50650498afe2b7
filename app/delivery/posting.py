"""Post a delivery to its target: write it, sign it, send it, and return the outcome."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.delivery.payloads import FORMATS, as_plivo_signs
from app.delivery.queue import Delivery
from app.delivery.retry import AttemptOutcome
from app.delivery.target import Target
from app.http_client import HttpClient, ReceivedResponse, RequestFailed, webhook_headers
from app.telemetry import get_logger, place_of
from app.tracing import traceparent

log = get_logger("dispatcher")

NONCE_BYTES = 10  # Plivo sends 20 digits
RESPONSE_CAP = 4096  # bytes of a response that are read
EXCERPT_BYTES = 500  # of its body, for operators


@dataclass(frozen=True, slots=True)
class Poster:
    """The sender of deliveries to one target."""

    target: Target
    client: HttpClient
    clock: Callable[[], float]  # the time of day, for the signature

    async def post(self, delivery: Delivery) -> AttemptOutcome:
        """Send a delivery. Whatever happens is an outcome, except for a cancellation."""
        target = self.target
        try:
            body, headers = self._written(delivery)
            response = await self.client.post(
                target.url, body, headers, timeout=target.timeout, cap=RESPONSE_CAP, tls=target.tls
            )
        except RequestFailed as error:
            return AttemptOutcome(error=str(error))
        except Exception as error:  # noqa: BLE001 - it must not be leased again for ever
            where = place_of(error)
            log.error("unhandled exception in a delivery", target=target.name, delivery=delivery.id, reason=where)
            return AttemptOutcome(error=f"cannot be sent: {type(error).__name__}")
        outcome = AttemptOutcome(response.status, retry_after=response.retry_after, response=_excerpt(response))
        return outcome if outcome.accepted else replace(outcome, error=f"status {response.status}")

    def _written(self, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        target = self.target
        body, headers = FORMATS[target.format](delivery)
        content = delivery.content
        signed = webhook_headers(content.id, int(self.clock()), body, target.secrets)
        signed["traceparent"] = traceparent(content.traced_uuid, content.id)
        if token := target.plivo_token:
            signed |= as_plivo_signs(delivery, target.url, token, secrets.token_hex(NONCE_BYTES), target.format)
        return body, {**headers, **target.headers, **signed}


def _excerpt(response: ReceivedResponse) -> str | None:
    """Return how the body of a response began, as text that every database can store; None if there was no body."""
    if response.compressed:
        return "(not shown: the body has a Content-Encoding, although none was asked for)"
    start = response.body[:EXCERPT_BYTES].decode(errors="backslashreplace")
    return start.replace("\0", "\\x00") or None  # PostgreSQL stores no NUL
