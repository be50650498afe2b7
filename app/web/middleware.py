"""The gate: nothing passes to an endpoint unless Plivo signed it (G1). Pure ASGI, in front of the routes.

Signatures are computed over `public_url`, never over Host. The order of refusals: 404; 405; no signature
at all 403, before the body is read; 413; 408; V2; 415; 400, also for a field that is missing; V3. The
gate makes the proofs that bind a signature to its words (G2); the store keeps them, and its refusal
passes through here too. And it keeps time (G4): what is not ready at the deadline is a 503.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.plivo import diagnosis
from app.plivo.messages import IDENTIFIER, DeliveryReport, InboundMessage, Parameters, Proof, Verified, content_digest
from app.plivo.refusals import Forged, Late, NotAllowed, Refused, Unsigned
from app.plivo.signature import (
    FAMILIES,
    V2,
    V3,
    Family,
    Match,
    Request,
    SignatureHeader,
    Token,
    Tokens,
    is_offered,
    matching,
    signature_headers,
)
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics
from app.web.body import ClientGone, read_body, read_parameters
from app.web.diagnosing import DIAGNOSIS_INTERVAL, Diagnoser, raw_path
from app.web.refusal_log import UNVERIFIED, RefusalLog

__all__ = ["DIAGNOSIS_INTERVAL", "MessageEndpoint", "Mode", "ReportEndpoint", "SignatureMiddleware", "SignatureOptions"]

log = get_logger("gate")

MessageEndpoint = Callable[[InboundMessage, Verified], Awaitable[Response]]
ReportEndpoint = Callable[[DeliveryReport, Verified], Awaitable[Response]]
Mode = Literal["any", "v3", "log-only"]
Matches = Mapping[Family, Match | None]


def _nobody(_scope: Scope) -> None:
    """Nobody asks who was accepted."""


@dataclass(frozen=True, slots=True)
class SignatureOptions:
    """What the gate checks against."""

    public_url: str  # without a slash at the end
    tokens: tuple[Token, ...]
    mode: Mode = "any"
    body_limit: int = 64 * 1024
    deadline: float = 6.0  # seconds for the body, and for the answer; Plivo hangs up after 8


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A path that Plivo calls: its name in the metrics, how its parameters are read, and who answers."""

    name: str
    read: Callable[[str, Parameters], Any]
    our_number: Callable[[Any], str]  # in what was read
    answer: Callable[[Any, Verified], Awaitable[Response]]


class SignatureMiddleware:
    """ASGI middleware: Plivo's paths go to an endpoint as a `Verified`, everything else to `app`.

    `accepted` is called with the scope of each signed call that was served.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: SignatureOptions,
        *,
        message: MessageEndpoint,
        report: ReportEndpoint,
        metrics: Metrics | None = None,
        accepted: Callable[[Scope], None] = _nobody,
    ) -> None:
        self.app = app
        self._options = options
        self._metrics = metrics or Metrics()
        self._accepted = accepted
        self._refusals = RefusalLog(self._metrics)
        self._diagnoser = Diagnoser(options.public_url, options.tokens)
        self._tokens = Tokens(options.tokens)
        self._message = _Endpoint(
            "message", lambda _, given: InboundMessage.from_parameters(given), lambda it: it.to, message
        )
        self._report = _Endpoint("report", DeliveryReport.from_parameters, lambda it: it.sender, report)
        self._prefix = urlsplit(options.public_url).path
        self._families = (V3,) if options.mode == "v3" else FAMILIES
        self._beside = 0  # V2 accepted beside a V3 that did not match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers Plivo's paths; hands on the rest."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (found := self._door(scope)) is not None:
            if response := await self._answer(scope, receive, *found):
                await response(scope, receive, send)
        else:
            await self.app(scope, receive, self._noting_404(scope, send) if is_offered(scope["headers"]) else send)

    async def _answer(self, scope: Scope, receive: Receive, path: str, door: _Endpoint) -> Response | None:
        """The response; None if nobody is there to get it."""
        begun = asyncio.get_running_loop().time()
        signed = False
        try:
            content, request = await self._admit(scope, receive, path, door)
            signed = bool(request.signed_by)
            response = await self._in_time(door, content, request, begun)
        except Refused as refusal:
            self._refusals.refused(door.name, refusal, path=path, method=scope["method"], signed=signed)
            return PlainTextResponse(f"{refusal.public}\n", refusal.status, refusal.headers)
        except ClientGone:
            self._refusals.hung_up(path)
            return None
        except Exception:
            self._metrics.refused(door.name, "fault")
            log.exception("a fault of ours", path=path)
            return PlainTextResponse("internal error\n", 500)
        if signed:
            self._accepted(scope)
        return response

    def _noting_404(self, scope: Scope, send: Send) -> Send:
        """Somebody gave Plivo a URL that is not served: only the log and the metrics can tell."""

        async def noting(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] == 404:  # noqa: PLR2004
                self._refusals.not_found(raw_path(scope), scope["method"], self._options.public_url)
            await send(event)

        return noting

    async def _in_time(self, door: _Endpoint, content: Any, request: Verified, begun: float) -> Response:
        """The answer, by the deadline (G4): what takes longer, a locked store or a slow rule, Plivo would not hear.

        The endpoint is cancelled; what shall go on behind the answer is a task of its own. Raises `Late`.
        """
        self._metrics.accepted(door.name, request.signed_by)
        try:
            async with asyncio.timeout_at(begun + self._options.deadline) as limit:
                return await door.answer(content, request)
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"no answer within {self._options.deadline:g} s"
            raise Late(message) from None
        finally:
            self._metrics.answered_in(door.name, asyncio.get_running_loop().time() - begun)

    def _door(self, scope: Scope) -> tuple[str, _Endpoint] | None:
        raw = raw_path(scope)
        if self._prefix and raw.startswith(f"{self._prefix}/") and (door := self._named(raw[len(self._prefix) :])):
            return door
        return self._named(raw)  # also below a prefix such as "/report" that a proxy has stripped

    def _named(self, path: str) -> tuple[str, _Endpoint] | None:
        if path in ("/message", "/message/"):
            return path, self._message
        if path in ("/report", "/report/"):
            return path, self._report
        if path.startswith("/report/") and IDENTIFIER.fullmatch(path, len("/report/")):
            return path, self._report
        return None

    async def _admit(self, scope: Scope, receive: Receive, path: str, door: _Endpoint) -> tuple[Any, Verified]:
        """What was said, and the request that says it, if it is signed. Raises `Refused`."""
        options, method = self._options, scope["method"]
        if method not in ("GET", "POST"):
            raise NotAllowed(method)
        made = signature_headers(scope["headers"], self._families)
        strict = options.mode != "log-only"
        if strict and not made:
            self._refuse_unsigned(scope)
        body = await read_body(scope, receive, options.body_limit, options.deadline) if method == "POST" else b""
        bare = Request(method, f"{options.public_url}{path}", (), ())
        matched = {header.family: self._match(header, bare) for header in made if header.family is V2}
        if strict and not any(header.family is V3 or matched[header.family] for header in made):
            self._reject(made, bare, scope)
        query, parameters = read_parameters(scope, body)
        content = door.read(path, parameters)
        our_number = door.our_number(content)
        request = replace(bare, query=query, body=parameters if method == "POST" else ())
        matched |= {header.family: self._match(header, request, our_number) for header in made if header.family is V3}
        signed_by = self._judge(made, matched, request, scope, our_number)
        value = content_digest(path, parameters)
        proofs = tuple(Proof(sha256(header.text(request)).digest(), value) for header in made if matched[header.family])
        return content, Verified(path, parameters, proofs, signed_by)

    def _match(self, header: SignatureHeader, request: Request, our_number: str | None = None) -> Match | None:
        return matching(header, header.text(request), self._tokens.in_order(our_number))

    def _judge(
        self, made: Sequence[SignatureHeader], matched: Matches, request: Request, scope: Scope, our_number: str
    ) -> str:
        """The header that vouches for the request, V3 first. Raises `Forged`."""
        v3, v2 = matched.get(V3), matched.get(V2)
        if v2 and not v3 and V3 in matched:
            self._beside += 1
            self._refusals.beside(self._beside, diagnosis.checked(made, request))
        best = v3 or v2
        if best is None:
            self._reject(made, request, scope)
            return ""
        self._tokens.remember(best.token, our_number)
        return best.header

    def _reject(self, made: Sequence[SignatureHeader], request: Request, scope: Scope) -> None:
        """Raises `Forged` with what was checked and what would have matched; in log-only mode says so."""
        strict = self._options.mode != "log-only"
        reason = f"no token matches {diagnosis.checked(made, request)}" if made else "no signature header"
        if made and self._refusals.would_log(Forged.label if strict else UNVERIFIED):
            advice = self._diagnoser.advice(made, request, scope)
            reason += f"; {advice}" if advice else ""
        if strict:
            raise Forged(reason)
        self._refusals.unverified(reason)

    def _refuse_unsigned(self, scope: Scope) -> NoReturn:
        reason = "no signature header with a value and a nonce"
        if self._families != FAMILIES and signature_headers(scope["headers"], (V2,)):
            reason = 'no V3 signature header, only V2, which signature = "v3" does not read; "any" would'
        raise Unsigned(reason)
