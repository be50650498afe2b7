"""The gate: nothing passes to an endpoint unless Plivo signed it (law 1). Pure ASGI, in front of the routes.

Signatures are computed over `public_url`, never over Host. The order of refusals: 405; no signature
at all 403, before the body is read; 413; 408; V2; 415; 400, also for a field that is missing; V3. The
gate makes the proofs that bind a signature to its words (law 2); the store keeps them, and its refusal
passes through here too. And it keeps time (law 4): what is not ready at the deadline is a 503.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal, NoReturn
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.metrics import Metrics
from app.plivo import diagnosis, forms
from app.plivo.messages import IDENTIFIER, Inbound, Parameters, Proof, Report, SignedRequest, content_digest
from app.plivo.refusals import Forged, Late, NotAllowed, Refused, TooLarge, TooSlow, Unsigned
from app.plivo.signature import FAMILIES, V2, V3, Claim, Family, Request, Token, claims, matching
from app.telemetry import get_logger

log = get_logger("gate")

MessageEndpoint = Callable[[Inbound, SignedRequest], Awaitable[Response]]
ReportEndpoint = Callable[[Report, SignedRequest], Awaitable[Response]]
Mode = Literal["any", "v3", "log-only"]

DIAGNOSIS_INTERVAL = 1.0  # seconds: under a flood of forgeries the log must not cost more than the check


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What the gate checks against."""

    public_url: str  # without a slash at the end
    tokens: tuple[Token, ...]
    mode: Mode = "any"
    body_limit: int = 64 * 1024
    deadline: float = 6.0  # seconds for the body, and for the answer; Plivo hangs up after 8


@dataclass(frozen=True, slots=True)
class _Door:
    """A path that Plivo calls: its name in the metrics, how its parameters are read, and who answers."""

    name: str
    read: Callable[[str, Parameters], Any]
    answer: Callable[[Any, SignedRequest], Awaitable[Response]]


class ClientGone(Exception):
    """The caller hung up while we read."""


class Gate:
    """ASGI middleware: Plivo's paths go to an endpoint as a `SignedRequest`, everything else to `app`."""

    def __init__(
        self,
        app: ASGIApp,
        options: GateOptions,
        *,
        message: MessageEndpoint,
        report: ReportEndpoint,
        metrics: Metrics | None = None,
    ) -> None:
        self.app = app
        self._options = options
        self._metrics = metrics or Metrics()
        self._message = _Door("message", lambda _path, parameters: Inbound.from_parameters(parameters), message)
        self._report = _Door("report", Report.from_parameters, report)
        parts = urlsplit(options.public_url)
        self._prefix = parts.path
        self._families = (V3,) if options.mode == "v3" else FAMILIES
        self._diagnosed_at = float("-inf")
        self._beside = 0  # V2 accepted beside a V3 that did not match

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers Plivo's paths; hands on the rest."""
        door = self._door(scope) if scope["type"] == "http" else None
        if door is None:
            await self.app(scope, receive, send)
            return
        path, way = door
        begun = asyncio.get_running_loop().time()
        try:
            response = await self._in_time(way, *await self._admit(scope, receive, path, way), begun)
        except Refused as refusal:
            self._metrics.refused(way.name, refusal.label)
            level = log.error if refusal.status >= 500 else log.warning  # noqa: PLR2004
            level("refused", status=refusal.status, path=path, method=scope["method"], reason=str(refusal))
            response = PlainTextResponse(f"{refusal.public}\n", refusal.status, refusal.headers)
        except ClientGone:
            log.info("the caller hung up while sending", path=path)
            return
        except Exception:
            self._metrics.refused(way.name, "fault")
            log.exception("a fault of ours", path=path)
            response = PlainTextResponse("internal error\n", 500)
        await response(scope, receive, send)

    async def _in_time(self, door: _Door, content: Any, request: SignedRequest, begun: float) -> Response:
        """The answer, by the deadline (law 4): what takes longer, a locked store or a slow rule, Plivo would not hear.

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

    def _door(self, scope: Scope) -> tuple[str, _Door] | None:
        raw = _raw_path(scope)
        if self._prefix and raw.startswith(f"{self._prefix}/") and (door := self._named(raw[len(self._prefix) :])):
            return door
        return self._named(raw)  # also below a prefix such as "/report" that a proxy has stripped

    def _named(self, path: str) -> tuple[str, _Door] | None:
        if path in ("/message", "/message/"):
            return path, self._message
        if path == "/report" or (path.startswith("/report/") and IDENTIFIER.fullmatch(path, len("/report/"))):
            return path, self._report
        return None

    async def _admit(self, scope: Scope, receive: Receive, path: str, door: _Door) -> tuple[Any, SignedRequest]:
        """What was said, and the request that says it, if it is signed. Raises `Refused`."""
        method: str = scope["method"]
        if method not in ("GET", "POST"):
            raise NotAllowed(method)
        made = claims(scope["headers"], self._families)
        strict = self._options.mode != "log-only"
        if strict and not made:
            self._refuse_unsigned(scope)
        body = await self._body(scope, receive) if method == "POST" else b""
        bare = Request(method, f"{self._options.public_url}{path}", (), ())
        matched = {claim.family: self._match(claim, bare) for claim in made if claim.family is V2}
        if strict and not any(claim.family is V3 or matched[claim.family] for claim in made):
            self._doubt(made, bare, scope)
        query, parameters = _parameters(scope, method, body)
        content = door.read(path, parameters)
        request = replace(bare, query=query, body=parameters if method == "POST" else ())
        matched |= {claim.family: self._match(claim, request) for claim in made if claim.family is V3}
        signed_by = self._judge(made, matched, request, scope)
        value = content_digest(path, parameters)
        proofs = tuple(Proof(sha256(claim.text(request)).digest(), value) for claim in made if matched[claim.family])
        return content, SignedRequest(path, parameters, proofs, signed_by)

    def _match(self, claim: Claim, request: Request) -> str | None:
        return matching(claim, claim.text(request), self._options.tokens)

    def _judge(
        self, made: Sequence[Claim], matched: Mapping[Family, str | None], request: Request, scope: Scope
    ) -> str:
        """The header that vouches for the request, V3 first. Raises `Forged`."""
        v3, v2 = matched.get(V3), matched.get(V2)
        if v2 and not v3 and V3 in matched:
            self._beside += 1
            self._metrics.beside()
            log.warning(
                "V2 accepted beside a V3 that does not match",
                times=self._beside,
                checked=diagnosis.checked(made, request),
            )
        if not (v3 or v2):
            self._doubt(made, request, scope)
        return v3 or v2 or ""

    def _doubt(self, made: Sequence[Claim], request: Request, scope: Scope) -> None:
        """Raises `Forged` with what was checked and what would have matched; in log-only mode says so."""
        reason = f"no token matches {diagnosis.checked(made, request)}" if made else "no signature header"
        if made and (now := time.monotonic()) - self._diagnosed_at >= DIAGNOSIS_INTERVAL:
            self._diagnosed_at = now
            reason += "; " + diagnosis.advice(made, request, self._options.tokens, _seen(scope))
        if self._options.mode != "log-only":
            raise Forged(reason)
        log.warning("accepted unverified: signature = log-only", reason=reason)

    def _refuse_unsigned(self, scope: Scope) -> NoReturn:
        reason = "no signature header with a value and a nonce"
        if self._families != FAMILIES and claims(scope["headers"], (V2,)):
            reason = 'no V3 signature header, only V2, which signature = "v3" does not read; "any" would'
        raise Unsigned(reason)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = self._options.body_limit
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared) > limit:
            message = f"{int(declared)} bytes declared, body_limit is {limit}"
            raise TooLarge(message)
        try:
            async with asyncio.timeout(self._options.deadline):
                return await _read(receive, limit)
        except TimeoutError:
            message = f"the body was not in after {self._options.deadline:g} s"
            raise TooSlow(message) from None


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGone
        body += event.get("body", b"")
        if len(body) > limit:
            message = f"over body_limit, {limit} bytes"
            raise TooLarge(message)
        if not event.get("more_body", False):
            return bytes(body)


def _parameters(scope: Scope, method: str, body: bytes) -> tuple[Parameters, Parameters]:
    """The query's, and those that are meant: the body's of a POST, the query's of a GET."""
    read = forms.parser_of(_header(scope, b"content-type")) if method == "POST" else None
    query = forms.urlencoded(scope["query_string"])
    return query, read(body) if read else query


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _raw_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


def _seen(scope: Scope) -> diagnosis.Seen:
    server = scope.get("server") or ("", None)
    return diagnosis.Seen(scope["scheme"], _header(scope, b"host").decode("latin-1"), server[1], _raw_path(scope))
