"""Signature verification in front of the endpoints: no call reaches one unless Plivo signed it (G1). Pure ASGI.

Signatures are computed over `public_url`, never over Host. Refusals come in this order: 404; 405; 403 without any
signature, before the body is read; 413; 408; V2; 415; 400 for parameters that cannot be read; V3. Then the endpoint may
refuse: 400 for a missing field, 403 for a signature that is bound to other content (G2). A response that is not ready
at the deadline is a 503 (G4).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.plivo.diagnosis import checked
from app.plivo.messages import IDENTIFIER, Verified
from app.plivo.refusals import Forged, Late, NotAllowed, Refused, TooSlow, Unsigned
from app.plivo.signature import FAMILIES, V2, V3, Request, Token, header_fields, is_offered, signature_headers
from app.plivo.verification import NoMatch, RawRequest, Tokens, verify
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics
from app.web.deadline import Deadline, DeadlineExceeded
from app.web.diagnosing import Diagnoser
from app.web.refusal_log import UNVERIFIED, RefusalLog
from app.web.request import ClientGone, raw_path, read_body

log = get_logger("web")

Mode = Literal["any", "v3", "log-only"]


def _ignore(_scope: Scope) -> None:
    """Ignore an accepted call."""


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """The options of signature verification."""

    public_url: str  # without a slash at the end
    tokens: tuple[Token, ...]
    mode: Mode = "any"
    body_limit: int = 64 * 1024
    deadline: float = 6.0  # seconds for reading the body and responding; Plivo hangs up after 8


@dataclass(frozen=True, slots=True)
class SignedEndpoint:
    """An endpoint that Plivo calls."""

    name: str  # its label in the metrics
    our_number: bytes  # the parameter that holds our number
    respond: Callable[[Verified], Awaitable[ASGIApp]]  # raises `Refused`


@dataclass(frozen=True, slots=True)
class _Target:
    """A path that is served by a signed endpoint."""

    path: str  # below public_url
    url: str
    endpoint: SignedEndpoint


class SignatureMiddleware:
    """ASGI middleware that passes calls of `endpoints` on as `Verified` requests, and all other requests to `app`.

    A path of `endpoints` that ends in `/{message_uuid}` matches any id. `accepted` is called with the scope of each
    signed call that was served.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: SignatureOptions,
        endpoints: Mapping[str, SignedEndpoint],
        metrics: Metrics,
        accepted: Callable[[Scope], None] = _ignore,
        refusals: RefusalLog | None = None,
    ) -> None:
        self.app = app
        self._options = options
        self._metrics = metrics
        self._accepted = accepted
        self._refusals = refusals or RefusalLog(metrics)
        self._diagnoser = Diagnoser(options.public_url, options.tokens)
        self._tokens = Tokens(options.tokens)
        self._families = (V3,) if options.mode == "v3" else FAMILIES
        self._strict = options.mode != "log-only"
        self._deadline = Deadline(options.deadline)
        self._v2_beside_v3 = 0  # calls verified by V2 although their V3 did not match
        self._exact: dict[str, _Target] = {}
        self._by_prefix: dict[str, tuple[str, SignedEndpoint]] = {}
        for prefix in ("", urlsplit(options.public_url).path):  # where both match, the public path counts
            for path, endpoint in endpoints.items():
                self._add(prefix, path, endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve Plivo's calls, and pass on all other requests."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif target := self._target(raw_path(scope)):
            if response := await self._respond(scope, receive, target):
                await response(scope, receive, send)
        else:
            await self.app(scope, receive, self._noting_404(scope, send) if is_offered(scope["headers"]) else send)

    def _add(self, prefix: str, path: str, endpoint: SignedEndpoint) -> None:
        start, pattern, _ = path.partition("{")
        if pattern:
            self._by_prefix[prefix + start] = (start, endpoint)
        else:
            self._exact[prefix + path] = _Target(path, f"{self._options.public_url}{path}", endpoint)

    def _target(self, raw: str) -> _Target | None:
        if target := self._exact.get(raw):
            return target
        start, _, last = raw.rpartition("/")
        found = self._by_prefix.get(f"{start}/")
        if found is None or not IDENTIFIER.fullmatch(last):
            return None
        path = f"{found[0]}{last}"
        return _Target(path, f"{self._options.public_url}{path}", found[1])

    async def _respond(self, scope: Scope, receive: Receive, target: _Target) -> ASGIApp | None:
        """Return the response to a call, or None if the caller hung up."""
        verified: Verified | None = None
        try:
            with self._deadline.call() as call:
                verified = await self._verify(scope, receive, target)
                response = await target.endpoint.respond(verified)  # what must outlive the deadline needs its own task
        except DeadlineExceeded:
            return self._refuse(scope, target, self._late(verified), verified)
        except Refused as refusal:
            return self._refuse(scope, target, refusal, verified)
        except ClientGone:
            self._refusals.hung_up(target.path)
            return None
        except Exception:
            self._metrics.refused(target.endpoint.name, "fault")
            log.exception("unhandled exception", path=target.path)
            return PlainTextResponse("internal error\n", 500)
        else:
            if verified.signed_by:
                self._accepted(scope)
            return response
        finally:
            if verified:
                self._metrics.served(target.endpoint.name, verified.signed_by, call.seconds)

    async def _verify(self, scope: Scope, receive: Receive, target: _Target) -> Verified:
        """Verify a call. Raises `Refused` or `ClientGone`."""
        method = scope["method"]
        if method not in ("GET", "POST"):
            raise NotAllowed(method)
        fields = header_fields(scope["headers"])
        headers = signature_headers(fields, self._families)
        if not headers and self._strict:
            self._refuse_unsigned(fields)
        body = await read_body(fields, receive, self._options.body_limit) if method == "POST" else b""
        content_type, our_number = fields.get(b"content-type", b""), target.endpoint.our_number
        request = RawRequest(method, target.path, target.url, scope["query_string"], content_type, body, our_number)
        try:
            verified = verify(request, headers, self._tokens)
        except NoMatch as mismatch:
            return self._reject(mismatch, request, scope)
        if headers[0].family is V3 and verified.signed_by.endswith(V2.name):
            self._v2_beside_v3 += 1
            self._refusals.v2_beside_v3(self._v2_beside_v3, checked(headers, Request(method, target.url)))
        return verified

    def _reject(self, mismatch: NoMatch, request: RawRequest, scope: Scope) -> Verified:
        """Raise `Forged` with a diagnosis. In log-only mode, log the diagnosis and let the call pass unverified."""
        parameters = () if self._strict else request.read()[1]
        advice = None
        if mismatch.compared and self._refusals.would_log(Forged.label if self._strict else UNVERIFIED):
            advice = self._diagnoser.advice(mismatch.compared, mismatch.request, scope)
        if self._strict:
            raise Forged(str(mismatch), advice) from None
        self._refusals.unverified(str(mismatch), advice)
        return Verified(request.path, parameters, (), "")

    def _refuse_unsigned(self, fields: Mapping[bytes, bytes]) -> NoReturn:
        reason = "no signature header with a value and a nonce"
        if self._families != FAMILIES and signature_headers(fields, (V2,)):
            reason = 'only a V2 signature; signature = "v3" requires V3, "any" accepts both'
        raise Unsigned(reason)

    def _late(self, verified: Verified | None) -> Refused:
        seconds = f"{self._options.deadline:g} s"
        return (
            Late(f"no answer within {seconds}") if verified else TooSlow(f"request body not complete within {seconds}")
        )

    def _refuse(self, scope: Scope, target: _Target, refusal: Refused, verified: Verified | None) -> ASGIApp:
        signed = verified is not None and bool(verified.signed_by)
        self._refusals.refused(target.endpoint.name, refusal, path=target.path, method=scope["method"], signed=signed)
        return PlainTextResponse(f"{refusal.public}\n", refusal.status, refusal.headers)

    def _noting_404(self, scope: Scope, send: Send) -> Send:
        """Log and count a 404 for a signed call, because Plivo was given a URL that is not served."""

        async def noting(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] == 404:  # noqa: PLR2004
                self._refusals.not_found(raw_path(scope), scope["method"], self._options.public_url)
            await send(event)

        return noting
