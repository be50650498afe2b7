"""Decide when to diagnose a refused signature, and limit the cost: a forgery must not cost more than its check."""

import time
from collections.abc import Sequence

from starlette.types import Scope

from app.plivo import diagnosis
from app.plivo.signature import Request, SignatureHeader, Token, header_fields
from app.web.request import raw_path

DIAGNOSIS_INTERVAL = 1.0  # seconds
DIAGNOSIS_SECONDS = 0.005  # of CPU time, during which the event loop is blocked
DIAGNOSIS_HMACS = 2_000  # enough for twenty tokens and every variant


class Diagnoser:
    """The diagnosis of refused signatures: one in `DIAGNOSIS_INTERVAL`, within a budget."""

    def __init__(self, public_url: str, tokens: Sequence[Token]) -> None:
        self._public_url = public_url
        self._tokens = tokens
        self._due_at = float("-inf")

    def advice(self, signature_headers: Sequence[SignatureHeader], request: Request, scope: Scope) -> str | None:
        """Return what to change so that the signature matches, or None if it is too early for another diagnosis."""
        now = time.monotonic()
        if now < self._due_at:
            return None
        self._due_at = now + DIAGNOSIS_INTERVAL
        budget = diagnosis.DiagnosisBudget(DIAGNOSIS_HMACS, time.thread_time() + DIAGNOSIS_SECONDS, time.thread_time)
        return diagnosis.advice(signature_headers, request, self._public_url, self._tokens, _seen(scope), budget)


def _seen(scope: Scope) -> diagnosis.Seen:
    server = scope.get("server") or ("", None)
    host = header_fields(scope["headers"]).get(b"host", b"").decode("latin-1")
    return diagnosis.Seen(scope["scheme"], host, server[1], raw_path(scope))
