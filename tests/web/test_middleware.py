"""SignatureMiddleware: nothing passes unless Plivo signed it, cheap refusals come first. Signed by Plivo's SDK."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from support import plivo_sdk, scrape
from support.logs import capture_logs

from app.plivo.messages import DeliveryReport, InboundMessage, Verified
from app.plivo.refusals import Forged, Malformed, Unavailable
from app.plivo.signature import Token
from app.telemetry.metrics import Metrics
from app.web.app import paths
from app.web.diagnosing import DIAGNOSIS_INTERVAL
from app.web.endpoints import Endpoints
from app.web.middleware import Mode, SignatureMiddleware, SignatureOptions

PUBLIC = "https://sms.example.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}
BAD = "bm90IG91cnM" * 3 + "bm90IG91cn="  # could be a signature, and is none
BAD_V2 = {"x-plivo-signature-v2": BAD, "x-plivo-signature-v2-nonce": "1"}
BAD_V3 = {"x-plivo-signature-v3": BAD, "x-plivo-signature-v3-nonce": "1"}
OPTIONS = SignatureOptions(PUBLIC, (Token(plivo_sdk.TOKEN),), body_limit=1024, deadline=5.0)


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    """The rest of the application."""
    await PlainTextResponse("the inner app", 404)(scope, receive, send)


@dataclass
class Answer:
    """What the caller got, and how often its body was asked for."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reads: int = 0


class Harness:
    """The middleware with the real endpoints, which record what reaches them, and an inner app that says 404."""

    def __init__(self, options: SignatureOptions = OPTIONS, refusal: Exception | None = None) -> None:
        self.passed: list[tuple[str, Verified]] = []
        self.contents: list[InboundMessage | DeliveryReport] = []
        self.refusal = refusal
        self.metrics = Metrics()
        self.served: list[Scope] = []
        self.serve(options)

    def serve(self, options: SignatureOptions, respond: Callable[[], Awaitable[None]] | None = None) -> None:
        """Serve with other options; `respond` is what answering takes."""
        self.respond = respond
        endpoints = Endpoints(self._answer, self._accept, self._ready, lambda: None)
        self.app = SignatureMiddleware(inner, options, paths(endpoints)[0], self.metrics, self.served.append)

    async def _answer(self, message: InboundMessage, request: Verified) -> bytes:
        self.passed.append(("message", request))
        self.contents.append(message)
        if self.respond:
            await self.respond()
        if self.refusal:
            raise self.refusal
        return b"<Response/>"

    async def _accept(self, report: DeliveryReport, request: Verified) -> None:
        self.passed.append(("report", request))
        self.contents.append(report)
        if self.refusal:
            raise self.refusal

    async def _ready(self) -> bool:
        raise AssertionError

    def refusals(self) -> dict[str, float]:
        """What was refused, by its reason."""
        found = scrape.series(self.metrics.text()[0].decode())
        refused = {labels: count for (name, labels), count in found.items() if name == "autoreply_refused_total"}
        return {dict(labels)["reason"]: count for labels, count in refused.items() if count}

    async def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | Sequence[bytes | float | None] = b"",
        query: str = "",
    ) -> Answer:
        """One request; of its chunks None hangs for ever, a number waits so long, and no chunk at all hangs up."""
        answer = Answer()
        chunks = [body] if isinstance(body, bytes) else body
        pairs = headers.items() if isinstance(headers, dict) else headers

        async def receive() -> Message:
            answer.reads += 1
            if answer.reads > len(chunks):
                return {"type": "http.disconnect"}
            chunk = chunks[answer.reads - 1]
            if chunk is None:
                await asyncio.Event().wait()
            if isinstance(chunk, float):
                await asyncio.sleep(chunk)
                chunk = b""
            return {"type": "http.request", "body": chunk, "more_body": answer.reads < len(chunks)}

        async def send(event: Message) -> None:
            if event["type"] == "http.response.start":
                answer.status = event["status"]
                answer.headers = {name.decode(): value.decode() for name, value in event["headers"]}
            else:
                answer.body += event["body"]

        scope: Scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "server": ("127.0.0.1", 8080),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        }
        await self.app(scope, receive, send)
        return answer

    async def send(
        self, method: str, path: str, params: plivo_sdk.Pairs, headers: dict[str, str], query: str = ""
    ) -> Answer:
        """One request as Plivo makes it."""
        if method == "GET":
            return await self.ask("GET", path, headers, query=plivo_sdk.form(params))
        return await self.ask("POST", path, FORM | headers, plivo_sdk.form(params).encode(), query)


def changed(text: str) -> str:
    """The text with its last character changed."""
    return text[:-1] + ("A" if text[-1] != "A" else "B")


async def test_what_is_not_plivos_goes_to_the_inner_app() -> None:
    """404 first: a path that Plivo does not call is the inner app's, whatever else is wrong with it."""
    harness = Harness()
    for path in ("/", "/health", "/Message", "/messages", "//message", "/message/x", "/report//", "/report/a/b"):
        assert (await harness.ask("PUT", path)).body == b"the inner app", path
    for path in ("/report/a.b", "/report/a%20b", "/report/" + "a" * 65, "/report/abc/", "/report/é"):
        assert (await harness.ask("PUT", path)).body == b"the inner app", path


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_other_scopes_go_to_the_inner_app(kind: str) -> None:
    """The middleware stands in front of HTTP only."""
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> Message:
        return {}

    async def send(_: Message) -> None:
        raise AssertionError

    await SignatureMiddleware(app, OPTIONS, {}, Metrics())({"type": kind, "path": "/message"}, receive, send)
    assert seen == [kind]


JSON = {"content-type": "application/json"}
WHOLE = b"From=1&MessageUUID=a&To=2"  # all that a message needs
HUGE = b"%" * 2000  # over the limit, broken and hanging: what comes later must not be what is refused
SLOW: list[bytes | None] = [b"%", None]


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "reads"),
    [
        ("PUT", JSON, HUGE, 405, 0),
        ("HEAD", {}, b"", 405, 0),
        ("OPTIONS", BAD_V3, b"", 405, 0),
        ("POST", JSON, HUGE, 403, 0),
        ("POST", JSON | {"x-plivo-signature-v3": "x"}, HUGE, 403, 0),  # no nonce
        ("POST", JSON | {"x-plivo-signature-v3": "", "x-plivo-signature-v3-nonce": "1"}, HUGE, 403, 0),
        ("POST", JSON | BAD_V3 | {"x-plivo-signature-v3-nonce": "a.b"}, HUGE, 403, 0),
        ("GET", {}, b"", 403, 0),
        ("POST", JSON | BAD_V2 | {"content-length": "1025"}, SLOW, 413, 0),
        ("POST", JSON | BAD_V2, HUGE, 413, 1),
        ("POST", JSON | BAD_V2, [b"x" * 600, b"x" * 600, None], 413, 2),
        ("POST", JSON | BAD_V2 | {"content-length": "2"}, HUGE, 413, 1),  # it lied
        ("POST", JSON | BAD_V2, SLOW, 408, 2),
        ("POST", JSON | BAD_V2, b"%", 403, 1),
        ("POST", JSON | BAD_V3, b"%", 415, 1),
        ("POST", BAD_V3, b"a=1", 415, 1),
        ("POST", {"content-type": "multipart/form-data"} | BAD_V3, b"", 400, 1),
        ("POST", FORM | BAD_V3, b"a=%", 400, 1),
        ("POST", FORM | BAD_V3, b"a=1&" * 1001, 413, 1),
        ("POST", FORM | BAD_V3, b"&" * 1000, 400, 1),
        ("POST", FORM | BAD_V3, b"a=1", 403, 1),
        ("POST", FORM | BAD_V3, WHOLE + b"&To=3", 403, 1),
        ("POST", FORM | BAD_V3, WHOLE + b"1" * 64, 403, 1),
        ("POST", FORM | BAD_V2, b"a=1", 403, 1),
        ("POST", FORM | BAD_V3, WHOLE, 403, 1),
        ("POST", FORM | BAD_V2 | BAD_V3, WHOLE, 403, 1),
    ],
)
async def test_order_of_refusals(
    method: str, headers: dict[str, str], body: bytes | list[bytes | None], status: int, reads: int
) -> None:
    """Each request is wrong in the way of its row and in later ones: the cheaper refusal wins, before more is read."""
    harness = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens, body_limit=1024, deadline=0.05))
    answer = await harness.ask(method, "/message", headers, body)
    assert (answer.status, answer.reads) == (status, reads)
    assert harness.passed == []
    assert len(answer.body) < 60


async def test_two_content_types_are_none() -> None:
    """415: two readings of one body are refused, as is a type that is no form."""
    harness, params = Harness(), plivo_sdk.message()
    headers = [*plivo_sdk.headers("POST", f"{PUBLIC}/message", params).items(), *FORM.items()]
    body = plivo_sdk.form(params).encode()
    for other in (FORM, JSON):
        assert (await harness.ask("POST", "/message", [*headers, *other.items()], body)).status == 415
    assert (await harness.ask("POST", "/message", headers, body)).status == 200


@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/message", []),
        ("/message", [("a", "1")]),
        ("/message", [*plivo_sdk.message(), ("To", "3")]),
        ("/message", plivo_sdk.message(From="1" * 65)),
        ("/report/abc", []),
        ("/report", plivo_sdk.message()),
        ("/report", plivo_sdk.report(To="1" * 65)),
    ],
)
async def test_content_is_judged_after_the_signature(
    scheme: plivo_sdk.Scheme, method: str, path: str, params: plivo_sdk.Pairs
) -> None:
    """400 for a missing field, two values of one or a long address only if Plivo signed it; else 403."""
    harness = Harness()
    headers = plivo_sdk.headers(method, f"{PUBLIC}{path}", params, scheme)
    assert (await harness.send(method, path, params, headers)).status == 400
    assert harness.refusals() == {"malformed": 1}
    name = next(iter(headers))
    for forged in ({}, headers | {name: BAD}, headers | {name: "x"}):
        assert (await harness.send(method, path, params, forged)).status == 403
    assert (harness.passed, harness.served) == ([], [])


async def test_headers_of_refusals() -> None:
    """405 says what is allowed; a body that never came is not waited for on that connection."""
    harness = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens, deadline=0.05))
    assert (await harness.ask("DELETE", "/report/a")).headers["allow"] == "GET, POST"
    assert (await harness.ask("POST", "/message", FORM | BAD_V3, [None])).headers["connection"] == "close"


async def test_a_broken_query_is_refused() -> None:
    """400 for the query too, of a GET and beside a POST's body."""
    harness = Harness()
    assert (await harness.ask("GET", "/message", BAD_V3, query="a=%zz")).status == 400
    assert (await harness.ask("POST", "/message", FORM | BAD_V3, b"a=1", query="a=%zz")).status == 400


async def test_body_at_the_limit_passes() -> None:
    """body_limit is what is still read; a body in many pieces is one body."""
    harness = Harness()
    params = plivo_sdk.message(Text="")
    params = plivo_sdk.message(Text="x" * (1024 - len(plivo_sdk.form(params))))
    body = plivo_sdk.form(params).encode()
    assert len(body) == 1024
    headers = FORM | plivo_sdk.headers("POST", f"{PUBLIC}/message", params) | {"content-length": "1024"}
    pieces: list[bytes | None] = [body[at : at + 100] for at in range(0, 1024, 100)]
    assert (await harness.ask("POST", "/message", headers, [*pieces, b""])).status == 200
    assert harness.passed[0][1].parameters == tuple(params)


async def test_a_caller_who_hangs_up_gets_no_answer() -> None:
    """Nothing is answered, decided or logged as an error for a caller who is gone."""
    harness = Harness()
    with capture_logs() as logs:
        answer = await harness.ask("POST", "/message", FORM | BAD_V3, [])
    assert (answer.status, harness.passed) == (0, [])
    assert [line["log_level"] for line in logs] == ["info"]


TEXTS = {
    "ascii": "hello",
    "accents": "déjà vu",
    "emoji": "👩‍👩‍👧‍👦 and 👍🏽 é",
    "newline": "one\r\ntwo",
    "separators": "a=b&c+d% %41",
    "json": '{"status":"ok","results":{"spam":[]}}',
    "empty": "",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
@pytest.mark.parametrize(
    ("public", "prefix", "text"),
    [
        *[pytest.param(PUBLIC, "", text, id=name) for name, text in TEXTS.items()],
        ("https://example.com/sms", "/sms", TEXTS["accents"]),
        ("https://example.com/sms", "", TEXTS["newline"]),  # a proxy stripped it
        ("http://example.com:8443/a/b", "/a/b", TEXTS["separators"]),
        ("http://example.com:8443", "", TEXTS["emoji"]),
    ],
)
async def test_what_the_sdk_signs_passes(
    method: str, scheme: plivo_sdk.Scheme, public: str, prefix: str, text: str
) -> None:
    """G1: what Plivo signed for the public URL passes, below its path and without; one changed byte does not."""
    harness = Harness(SignatureOptions(public, OPTIONS.tokens))
    for path, params in (
        ("/message", plivo_sdk.message(Text=text)),
        ("/message/", [*plivo_sdk.message(Text=text), ("Tag", "b"), ("Tag", "a")]),
        ("/report", plivo_sdk.report(ErrorCode=text)),
        ("/report/", plivo_sdk.report(ErrorCode=text)),
        ("/report/00000000-aaaa-BBBB_1", plivo_sdk.report()),
    ):
        url = public + path
        headers = plivo_sdk.headers(method, url, params, scheme)
        answer = await harness.send(method, prefix + path, params, headers)
        name = path.split("/")[1]
        assert (answer.status, harness.passed[-1][0]) == (200, name)
        request = harness.passed.pop()[1]
        assert (request.path, request.parameters, request.signed_by) == (path, tuple(params), scheme)
        assert [proof.key for proof in request.proofs] == [
            hashlib.sha256(signed(headers, url, method, params)).digest()
        ]
        for name, value in headers.items():
            forged = headers | {name: changed(value)}
            assert (await harness.send(method, prefix + path, params, forged)).status == 403
        for other in ([*params[:-1], (params[-1][0], params[-1][1] + "0")], [*params, ("Z", "")], params[:-1]):
            if scheme.endswith("V3"):
                assert (await harness.send(method, prefix + path, other, headers)).status == 403
        for elsewhere in ("/message", "/message/", "/report", "/report/", "/report/00000000-aaaa-BBBB_2"):
            if elsewhere != path:
                assert (await harness.send(method, prefix + elsewhere, params, headers)).status == 403
    assert harness.passed == []


def signed(headers: dict[str, str], url: str, method: str, params: plivo_sdk.Pairs) -> bytes:
    """The string that Plivo signed, spelled out by hand."""
    (nonce,) = (value for name, value in headers.items() if name.endswith("Nonce"))
    if "X-Plivo-Signature-V2-Nonce" in headers:
        return f"{url}{nonce}".encode()
    pairs = sorted(params)
    words = "&".join(f"{name}={value}" for name, value in pairs) if method == "GET" else "".join(map("".join, pairs))
    return f"{url}?{words}.{nonce}".encode()


@pytest.mark.parametrize("scheme", ["V3", "Ma-V3"])
async def test_a_query_beside_a_body_is_signed_too(scheme: plivo_sdk.Scheme) -> None:
    """G1: V3 of a POST covers the query of message_url as well; the words are the body's alone."""
    harness, params = Harness(), plivo_sdk.message()
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message?shop=b+c&a=%26", params, scheme)
    assert (await harness.send("POST", "/message", params, headers, "shop=b+c&a=%26")).status == 200
    assert harness.passed[0][1].parameters == tuple(params)
    assert (await harness.send("POST", "/message", params, headers, "shop=b+d&a=%26")).status == 403
    assert (await harness.send("POST", "/message", params, headers)).status == 403


async def test_an_apostrophe_that_was_not_escaped() -> None:
    """G1: how a query is escaped does not matter, for its values are signed: 'I'm' as it stands."""
    harness, params = Harness(), plivo_sdk.message(Text="I'm at home")
    headers = plivo_sdk.headers("GET", f"{PUBLIC}/message", params)
    query = plivo_sdk.form(params).replace("I%27m", "I'm")
    assert "Text=I'm+at+home" in query
    assert (await harness.ask("GET", "/message", headers, query=query)).status == 200
    assert harness.passed[0][1].parameters == tuple(params)


async def test_a_list_with_one_signature_of_ours() -> None:
    """G1: of several signatures in one header, one that matches is enough, wherever it stands in the list."""
    harness, params = Harness(), plivo_sdk.message(Text=TEXTS["emoji"])
    for scheme in plivo_sdk.SCHEMES:
        headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params, scheme)
        name = f"X-Plivo-Signature-{scheme}"
        for value in (f"{BAD}, {headers[name]}", f"{headers[name]},{BAD}", ",".join([*[BAD] * 9, headers[name]])):
            assert (await harness.send("POST", "/message", params, headers | {name: value})).status == 200


async def test_multipart_is_read_too() -> None:
    """The fields of a multipart body are the fields that were signed."""
    harness, params = Harness(), plivo_sdk.message(Text="één\r\ntwee")
    body = "".join(f'--c\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in params)
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
    headers["content-type"] = "multipart/form-data; boundary=c"
    harness = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens))
    assert (await harness.ask("POST", "/message", headers, f"{body}--c--\r\n".encode())).status == 200
    assert harness.passed[0][1].parameters == tuple(params)


@pytest.mark.parametrize("prefix", ["/report", "/message", "/report/x"])
async def test_a_prefix_that_is_named_like_a_path(prefix: str) -> None:
    """A public_url whose own path reads like one of ours is served with its prefix and without, like any other."""
    harness = Harness(SignatureOptions(f"https://example.com{prefix}", OPTIONS.tokens))
    for path in ("/message", "/message/", "/report", "/report/abc"):
        params = plivo_sdk.message() if path.startswith("/message") else plivo_sdk.report()
        for served in (prefix + path, path):
            headers = plivo_sdk.headers("POST", f"https://example.com{prefix}{path}", params)
            assert (await harness.send("POST", served, params, headers)).status == 200, served
            assert harness.passed.pop()[1].path == path


async def test_only_the_whole_prefix_is_stripped() -> None:
    """A path that merely begins like the prefix is not ours."""
    harness = Harness(SignatureOptions("https://example.com/sms", OPTIONS.tokens))
    for path in ("/sms", "/smsx/message", "/x/sms/message", "/sms/sms/message", "/sms//message"):
        assert (await harness.ask("PUT", path)).body == b"the inner app", path


@given(
    method=st.sampled_from(["GET", "POST"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [f"X-Plivo-Signature-{name}" for name in ("V2", "Ma-V2", "V3", "Ma-V3", "V2-Nonce", "V3-Nonce")]
                + ["Host", "Content-Type", "Content-Length", "X-Forwarded-Host"]
            ),
            st.sampled_from(
                ["", "1", ",", "a" * 44, FORM["content-type"], "[", "\xff", "multipart/form-data; boundary=b"]
            )
            | st.text(st.characters(max_codepoint=255), max_size=20),
        ),
        max_size=8,
    ),
    body=st.binary(max_size=60),
    query=st.text(st.characters(max_codepoint=127), max_size=20),
)
async def test_nothing_unsigned_passes(method: str, headers: list[tuple[str, str]], body: bytes, query: str) -> None:
    """G1: whatever a stranger sends, it is refused, and never by an unhandled exception."""
    harness = Harness()
    with capture_logs():
        answer = await harness.ask(method, "/message", headers, body, query)
    assert answer.status in {400, 403, 413, 415}
    assert harness.passed == []


# Modes and tokens


async def both(harness: Harness, *, good: plivo_sdk.Scheme, bad: dict[str, str]) -> Answer:
    """One family signed well, the other badly."""
    params = plivo_sdk.message()
    headers = bad | plivo_sdk.headers("POST", f"{PUBLIC}/message", params, good)
    return await harness.send("POST", "/message", params, headers)


async def test_any_mode_takes_either_family() -> None:
    """G1: one matching value is enough; V2 beside a V3 that does not match is counted and warned of."""
    harness = Harness()
    with capture_logs() as logs:
        for _ in range(2):
            assert (await both(harness, good="V2", bad=BAD_V3)).status == 200
        assert (await both(harness, good="V3", bad=BAD_V2)).status == 200
    assert [request.signed_by for _, request in harness.passed] == ["V2", "V2", "V3"]
    assert [len(request.proofs) for _, request in harness.passed] == [1, 1, 1]
    assert [(line["log_level"], line["times"]) for line in logs] == [("warning", 1), ("warning", 2)]
    assert logs[0]["event"] == "V2 signature accepted although V3 does not match"


async def test_v3_mode_does_not_read_v2() -> None:
    """signature = "v3": a good V2 signature opens nothing, and the log says which setting refused it."""
    harness = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens, mode="v3"))
    params = plivo_sdk.message()
    with capture_logs() as logs:
        only_v2 = await harness.send(
            "POST", "/message", params, plivo_sdk.headers("POST", f"{PUBLIC}/message", params, "V2")
        )
        assert (only_v2.status, only_v2.reads) == (403, 0)
        assert (await both(harness, good="V2", bad=BAD_V3)).status == 403
        assert (await both(harness, good="Ma-V3", bad=BAD_V2)).status == 200
    assert 'signature = "v3"' in logs[0]["reason"]
    assert [request.signed_by for _, request in harness.passed] == ["Ma-V3"]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no signature header"),
        (BAD_V2, "no token matches X-Plivo-Signature-V2 over https://sms.example.com/message"),
        (BAD_V3, "no token matches X-Plivo-Signature-V3 over https://sms.example.com/message"),
    ],
)
async def test_log_only_lets_pass_and_says_so(headers: dict[str, str], reason: str) -> None:
    """log-only: what is not verified passes without signer, token or proof, and every time a line says so."""
    harness, params = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens, mode="log-only")), plivo_sdk.message()
    with capture_logs() as logs:
        assert (await harness.send("POST", "/message", params, headers)).status == 200
    ((name, request),) = harness.passed
    (line,) = logs
    assert (name, request.signed_by, request.proofs, request.parameters) == ("message", "", (), tuple(params))
    assert request.token == 0
    assert (line["log_level"], line["event"]) == ("warning", 'unverified request accepted: signature = "log-only"')
    assert line["reason"].startswith(reason)


async def test_log_only_still_verifies() -> None:
    """log-only: what is signed is known as signed, without a warning; what is no form is still refused."""
    harness, params = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens, mode="log-only")), plivo_sdk.message()
    with capture_logs() as logs:
        signature = plivo_sdk.headers("POST", f"{PUBLIC}/message", params, "V2")
        assert (await harness.send("POST", "/message", params, signature)).status == 200
    assert (logs, harness.passed[0][1].signed_by, len(harness.passed[0][1].proofs)) == ([], "V2", 1)
    assert (await harness.ask("POST", "/message", JSON, b"{}")).status == 415


@pytest.mark.parametrize("mode", ["any", "v3"])
@pytest.mark.parametrize(
    ("token", "status", "positions"), [("main", 200, [1]), ("sub", 200, [2]), ("old", 200, [3]), ("stranger", 403, [])]
)
async def test_several_tokens(mode: Mode, token: str, status: int, positions: list[int]) -> None:
    """G1: any configured token will do, for rotation and for subaccounts; no other. G10: its position is known."""
    harness = Harness(SignatureOptions(PUBLIC, tuple(Token(one) for one in ("main", "sub", "old")), mode))
    params = plivo_sdk.message()
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params, token=token)
    assert (await harness.send("POST", "/message", params, headers)).status == status
    assert [request.token for _, request in harness.passed] == positions


# what G2 promises: proofs


async def admitted(harness: Harness, path: str, params: plivo_sdk.Pairs, headers: dict[str, str]) -> Verified:
    """The request as it passed."""
    assert (await harness.send("POST", path, params, headers)).status == 200
    return harness.passed[-1][1]


async def test_v2_is_bound_to_its_words() -> None:
    """G2: a V2 signature taken for other words has the same key and another value; a retry has both the same."""
    harness, params = Harness(), plivo_sdk.message()
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params, "V2", nonce="123")
    (first,) = (await admitted(harness, "/message", params, headers)).proofs
    (retry,) = (await admitted(harness, "/message", params[::-1], headers)).proofs
    (other,) = (await admitted(harness, "/message", plivo_sdk.message(), headers)).proofs
    assert first.key == hashlib.sha256(b"https://sms.example.com/message123").digest()
    assert retry == first
    assert (other.key, other.value == first.value) == (first.key, False)


async def test_v2_without_a_separator() -> None:
    """G2: /report/abc with nonce def signs as /report/abcd with nonce ef; the values differ."""
    harness, params = Harness(), plivo_sdk.report()
    one = plivo_sdk.headers("POST", f"{PUBLIC}/report/abc", params, "V2", nonce="def")
    two = plivo_sdk.headers("POST", f"{PUBLIC}/report/abcd", params, "V2", nonce="ef")
    assert one["X-Plivo-Signature-V2"] == two["X-Plivo-Signature-V2"]
    (first,) = (await admitted(harness, "/report/abc", params, one)).proofs
    (second,) = (await admitted(harness, "/report/abcd", params, two)).proofs
    assert (second.key, second.value == first.value) == (first.key, False)


async def test_v3_joins_names_and_values() -> None:
    """G2: names and values that V3 joins to one string are told apart by the value of the proof."""
    harness = Harness()
    one = [("From", "1"), ("MessageUUID", "a"), ("Text", "hi"), ("To", "2")]
    two = [("From", "1"), ("MessageUUID", "aTexthi"), ("To", "2")]
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", one, nonce="5")
    (first,) = (await admitted(harness, "/message", one, headers)).proofs
    (second,) = (await admitted(harness, "/message", two, headers)).proofs
    assert first.key == hashlib.sha256(b"https://sms.example.com/message?From1MessageUUIDaTexthiTo2.5").digest()
    assert (second.key, second.value == first.value) == (first.key, False)


async def test_a_get_that_signs_as_a_post() -> None:
    """G2: a text may be worded so that its GET signs like a POST of another message; the values differ."""
    harness = Harness()
    one = [("From", "1"), ("MessageUUID", "a"), ("Text", "xMessageUUIDbTo9"), ("To", "2")]
    two = [("From", "=1&MessageUUID=a&Text=x"), ("MessageUUID", "b"), ("To", "9&To=2")]
    headers = plivo_sdk.headers("GET", f"{PUBLIC}/message", one, nonce="5")
    assert (await harness.send("GET", "/message", one, headers)).status == 200
    assert (await harness.send("POST", "/message", two, headers)).status == 200
    (first,), (second,) = (request.proofs for _, request in harness.passed)
    assert (second.key, second.value == first.value) == (first.key, False)


async def test_one_proof_for_each_family_that_matched() -> None:
    """G2: both families are bound where both match, so that neither can be reused alone."""
    harness, params = Harness(), plivo_sdk.message()
    v2 = plivo_sdk.headers("POST", f"{PUBLIC}/message", params, "Ma-V2", nonce="1")
    v3 = plivo_sdk.headers("POST", f"{PUBLIC}/message", params, "Ma-V3", nonce="2")
    request = await admitted(harness, "/message", params, v2 | v3)
    (alone,) = (await admitted(harness, "/message", params, v2)).proofs
    assert request.signed_by == "Ma-V3"
    assert len({proof.key for proof in request.proofs}) == 2
    assert {proof.value for proof in request.proofs} == {alone.value}
    assert alone in request.proofs


async def test_a_new_nonce_is_a_new_key() -> None:
    """G2: Plivo's retry of the same words under a new nonce is bound anew, to the same value."""
    harness, params = Harness(), plivo_sdk.message()
    proofs = [
        (await admitted(harness, "/message", params, plivo_sdk.headers("POST", f"{PUBLIC}/message", params))).proofs[0]
        for _ in range(2)
    ]
    assert proofs[0].key != proofs[1].key
    assert proofs[0].value == proofs[1].value


async def test_endpoints_get_values() -> None:
    """Parsed once: a message below /message, a report that knows what it answers below /report."""
    harness = Harness()
    message, report = plivo_sdk.message(Text="hi"), plivo_sdk.report()
    await admitted(harness, "/message", message, plivo_sdk.headers("POST", f"{PUBLIC}/message", message))
    await admitted(harness, "/report/abc", report, plivo_sdk.headers("POST", f"{PUBLIC}/report/abc", report))
    first, second = harness.contents
    assert isinstance(first, InboundMessage)
    assert (first.sender, first.to, first.text) == ("33700000001", "33644600000", "hi")
    assert isinstance(second, DeliveryReport)
    assert (second.in_reply_to, second.status) == ("abc", "delivered")


async def test_an_answer_that_is_late_is_503() -> None:
    """G4: at the deadline the endpoint is cancelled, and Plivo is told to call again."""
    gone = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    harness, params = Harness(), plivo_sdk.message()
    harness.serve(replace(OPTIONS, deadline=0.05), hang)
    with capture_logs() as logs:
        headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
        answer = await harness.send("POST", "/message", params, headers)
    assert (answer.status, answer.headers["retry-after"], gone.is_set()) == (503, "10", True)
    assert [line["reason"] for line in logs] == ["no answer within 0.05 s"]
    assert harness.refusals() == {"deadline": 1}
    assert harness.served == []


async def test_body_and_answer_share_one_deadline() -> None:
    """G4: the time that the body took is no longer there for the answer."""
    harness, params = Harness(), plivo_sdk.message()

    async def hang() -> None:
        await asyncio.Event().wait()

    harness.serve(replace(OPTIONS, deadline=1.2), hang)
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
    body = plivo_sdk.form(params).encode()
    started = time.monotonic()
    with capture_logs():
        answer = await harness.ask("POST", "/message", FORM | headers, [body[:9], 1.1, body[9:]])
    assert answer.status == 503
    assert time.monotonic() - started < 2.2  # each with a deadline of its own: 2.3 s


async def test_a_cancelled_call_is_cancelled() -> None:
    """A server that stops cancels its calls: that is no 503, and nothing is sent."""
    harness, params = Harness(), plivo_sdk.message()
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    harness.serve(OPTIONS, hang)
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
    call = asyncio.create_task(harness.send("POST", "/message", params, headers))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert harness.refusals() == {}


async def test_a_timeout_of_the_endpoint_itself_is_an_unhandled_exception() -> None:
    """Only the deadline of the call is told as one."""
    harness, params = Harness(refusal=TimeoutError()), plivo_sdk.message()
    with capture_logs() as logs:
        headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
        assert (await harness.send("POST", "/message", params, headers)).status == 500
    assert [line["event"] for line in logs] == ["unhandled exception"]
    assert harness.refusals() == {"fault": 1}


# What the endpoint says, and what the log says


@pytest.mark.parametrize(
    ("error", "status", "level"),
    [
        (Malformed("required field missing: To"), 400, "warning"),
        (Forged("reused"), 403, "warning"),
        (Unavailable("disk full"), 503, "error"),
        (KeyError("hello"), 500, "error"),
    ],
)
async def test_refusals_of_the_endpoint(error: Exception, status: int, level: str) -> None:
    """A refusal of the endpoint keeps its status; the caller sees no reason, the log does."""
    harness, params = Harness(refusal=error), plivo_sdk.message()
    with capture_logs() as logs:
        headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
        answer = await harness.send("POST", "/message", params, headers)
    assert answer.status == status
    assert (answer.headers.get("retry-after") is not None) == (status == 503)
    for word in ("missing", "reused", "disk", "hello"):
        assert word not in answer.body.decode()
    assert [line["log_level"] for line in logs] == [level]
    assert status == 500 or logs[0]["reason"] == str(error)


async def test_the_log_names_headers_url_and_variant() -> None:
    """A 403 is told with which header was compared over which URL, and the variant that would have matched."""
    harness, params = Harness(), plivo_sdk.message()
    headers = plivo_sdk.headers("POST", "http://sms.example.com/message", params, "Ma-V3")
    with capture_logs() as logs:
        await harness.send("POST", "/message", params, headers)
    (line,) = logs
    assert (line["event"], line["status"], line["path"], line["method"]) == ("refused", 403, "/message", "POST")
    assert line["reason"] == "no token matches X-Plivo-Signature-Ma-V3 over https://sms.example.com/message"
    assert line["advice"] == (
        "X-Plivo-Signature-Ma-V3 matches http://sms.example.com/message: set public_url to http://sms.example.com"
    )


async def test_the_log_of_a_host_behind_a_proxy() -> None:
    """The Host header that arrived is one of the variants, for V2 without reading the form."""
    harness, params = Harness(), plivo_sdk.message()
    headers = plivo_sdk.headers("POST", "https://other.example/message", params, "V2") | {"host": "other.example"}
    with capture_logs() as logs:
        await harness.send("POST", "/message", params, headers)
    assert logs[0]["advice"].endswith("set public_url to https://other.example")


async def test_at_most_one_diagnosis_a_second() -> None:
    """Under a flood of forgeries the variants are computed once a second, not for each."""
    harness, params = Harness(), plivo_sdk.message()

    async def advice() -> str | None:
        with capture_logs() as logs:
            headers = plivo_sdk.headers("POST", "http://sms.example.com/message", params)
            await harness.send("POST", "/message", params, headers)
        found: str | None = logs[0].get("advice")
        return found

    assert "set public_url to http://" in str(await advice())
    for _ in range(2):
        assert await advice() is None
    await asyncio.sleep(DIAGNOSIS_INTERVAL)
    assert "set public_url to http://" in str(await advice())


async def test_refusals_of_strangers_are_summed_up() -> None:
    """G7: of what anybody can cause, a few lines a second are written and one with a count; each is counted."""
    harness = Harness()
    calls: list[Callable[[], Any]] = [
        lambda: harness.ask("POST", "/message", {}),
        lambda: harness.ask("POST", "/message", FORM | BAD_V3, WHOLE),
        lambda: harness.ask("POST", "/message", FORM | BAD_V3, b"%"),
        lambda: harness.ask("POST", "/message", JSON | BAD_V3, b"{}"),
        lambda: harness.ask("POST", "/message", FORM | BAD_V3, []),
        lambda: harness.ask("PUT", "/message", {}),
        lambda: harness.ask("GET", "/sms", BAD_V3),
    ]
    with capture_logs() as logs:
        for call in calls:
            for _ in range(10):
                await call()
        assert len(logs) == 3 * len(calls)
        async with asyncio.timeout(5):
            while len(logs) < 4 * len(calls):  # noqa: ASYNC110 - polls the log
                await asyncio.sleep(0.05)
    summaries = {line["kind"]: line["count"] for line in logs[3 * len(calls) :]}
    kinds = {"unsigned", "forged", "malformed", "media_type", "hung_up", "method", "not_found"}
    assert summaries == dict.fromkeys(kinds, 7)
    assert harness.refusals() == dict.fromkeys(kinds - {"hung_up"}, 10)


async def test_refusals_of_signed_calls_are_told_one_by_one() -> None:
    """What Plivo was refused is never summed up."""
    harness, params = Harness(refusal=Unavailable("disk full")), plivo_sdk.message()
    with capture_logs() as logs:
        for _ in range(10):
            await harness.send("POST", "/message", params, plivo_sdk.headers("POST", f"{PUBLIC}/message", params))
    assert [line["reason"] for line in logs] == ["disk full"] * 10


@pytest.mark.parametrize("path", ["//message", "/", "/sms", "/prefix/message", "/report/a/b", "/" + "x" * 31_000])
async def test_a_wrong_url_in_the_console_is_told(path: str) -> None:
    """A 404 for a call with Plivo's signature is logged with its path, and counted; any other 404 is not."""
    harness, params = Harness(), plivo_sdk.message()
    with capture_logs() as logs:
        assert (await harness.send("POST", path, params, {})).status == 404
        assert logs == []
        headers = plivo_sdk.headers("POST", f"{PUBLIC}{path}", params)
        assert (await harness.send("POST", path, params, headers)).status == 404
    (line,) = logs
    assert (line["event"], line["status"], line["path"], line["method"]) == ("refused", 404, path[:200], "POST")
    assert line["reason"] == f"no such path; Plivo must call {PUBLIC}/message or {PUBLIC}/report"
    assert harness.refusals() == {"not_found": 1}


async def test_number_in_a_wrong_url_is_not_logged() -> None:
    """G12: a 404 is logged with its path, of whose numbers only the last four digits remain."""
    harness, params = Harness(), plivo_sdk.message()
    with capture_logs() as logs:
        headers = plivo_sdk.headers("POST", f"{PUBLIC}/message/33700000001", params)
        await harness.send("POST", "/message/33700000001", params, headers)
    assert [line["path"] for line in logs] == ["/message/..0001"]


@pytest.mark.parametrize(("last", "shown"), [("33700000001", "..0001"), ("20dff74b-30e4-4127", "20dff74b-30e4-4127")])
async def test_number_in_the_place_of_a_message_uuid_is_not_logged(last: str, shown: str) -> None:
    """G12: whatever a stranger puts behind /report, a refusal shows no number; a MessageUUID stays whole."""
    harness = Harness()
    with capture_logs() as logs:
        assert (await harness.send("POST", f"/report/{last}", plivo_sdk.report(), {})).status == 403
    assert [line["path"] for line in logs] == [f"/report/{shown}"]


async def test_who_was_served_is_told() -> None:
    """Whoever keeps connections hears of each signed call that was served, and of no other."""
    harness, params = Harness(), plivo_sdk.message()
    with capture_logs():
        for headers in ({}, BAD_V3, plivo_sdk.headers("POST", f"{PUBLIC}/message", params), BAD_V2):
            await harness.send("POST", "/message", params, headers)
    assert [scope["path"] for scope in harness.served] == ["/message"]
    harness.serve(replace(OPTIONS, mode="log-only"))
    with capture_logs():
        assert (await harness.send("POST", "/message", params, {})).status == 200
    assert len(harness.served) == 1


@pytest.mark.parametrize("mode", ["any", "v3", "log-only"])
async def test_the_log_holds_no_secret_and_no_text(mode: Mode) -> None:
    """G12: neither token nor text nor number nor the expected signature is logged, refused or accepted."""
    harness = Harness(SignatureOptions(PUBLIC, OPTIONS.tokens, mode))
    params = plivo_sdk.message(Text="a very private text")
    good = plivo_sdk.headers("POST", f"{PUBLIC}/message", params)
    other = plivo_sdk.headers("POST", f"{PUBLIC}:444/message", params)
    with capture_logs() as logs:
        for headers in (good, other, BAD_V2, BAD_V3, good | BAD_V2, {}):
            await harness.send("POST", "/message", params, headers)
            await harness.ask("GET", "/message", headers, query=f"{plivo_sdk.form(params)}&a=%")
            await harness.ask("POST", "/message", JSON | headers, plivo_sdk.form(params).encode())
    assert len(logs) > 8
    said = repr(logs)
    for secret in (plivo_sdk.TOKEN, "private", "33700000001", good["X-Plivo-Signature-V3"]):
        assert secret not in said


async def test_refusals_do_not_depend_on_the_log() -> None:
    """A caller learns nothing of why: the body of each 403 is the same."""
    harness, params = Harness(), plivo_sdk.message()
    near = plivo_sdk.headers("POST", "http://sms.example.com/message", params)
    calls: list[Callable[[], Any]] = [
        lambda: harness.send("POST", "/message", params, {}),
        lambda: harness.send("POST", "/message", params, BAD_V3),
        lambda: harness.send("POST", "/message", params, near),
    ]
    assert {(await call()).body for call in calls} == {b"signature not accepted\n"}
