"""The public application: which paths exist, with the path of public_url and without it."""

import httpx
import pytest
from support import plivo_sdk
from support.logs import capture_logs

from app.plivo.messages import DeliveryReport, InboundMessage, Verified
from app.plivo.signature import Token
from app.telemetry.metrics import Metrics
from app.web.app import make_app
from app.web.endpoints import Endpoints
from app.web.middleware import SignatureOptions


def client(public_url: str = "https://example.com/sms") -> httpx.AsyncClient:
    """A client of an application that answers, stores, and is ready and healthy."""

    async def answer(_message: InboundMessage, _request: Verified) -> bytes:
        return b"<Response/>"

    async def accept(_report: DeliveryReport, _request: Verified) -> None:
        pass

    async def ready() -> bool:
        return True

    options = SignatureOptions(public_url, (Token(plivo_sdk.TOKEN),))
    app = make_app(options, Endpoints(answer, accept, ready, lambda: None), Metrics())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://internal")


@pytest.mark.parametrize("prefix", ["", "/sms"])
@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/message", "application/xml", b"<Response/>"),
        ("/message/", "application/xml", b"<Response/>"),
        ("/report", "text/plain; charset=utf-8", b"stored\n"),
        ("/report/", "text/plain; charset=utf-8", b"stored\n"),
        ("/report/in-1", "text/plain; charset=utf-8", b"stored\n"),
    ],
)
async def test_what_plivo_calls(prefix: str, path: str, content_type: str, body: bytes) -> None:
    """200 with body, type and length, signed; 403 unsigned."""
    params = plivo_sdk.message() if "message" in path else plivo_sdk.report()
    headers = plivo_sdk.headers("POST", f"https://example.com/sms{path}", params)
    async with client() as http:
        answer = await http.post(prefix + path, data=dict(params), headers=headers)
        assert (answer.status_code, answer.content) == (200, body)
        assert answer.headers.multi_items() == [("content-type", content_type), ("content-length", str(len(body)))]
        with capture_logs():
            assert (await http.post(prefix + path, data=dict(params))).status_code == 403


@pytest.mark.parametrize("prefix", ["", "/sms"])
async def test_what_anybody_may_ask_for(prefix: str) -> None:
    """/health and /ready need no signature; only GET and HEAD read them."""
    async with client() as http:
        assert (await http.get(f"{prefix}/health")).json() == {"healthy": True}
        assert (await http.get(f"{prefix}/ready")).json() == {"ready": True}
        assert (await http.post(f"{prefix}/ready")).status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/health/", "/ready/", "/metrics", "/sms", "/sms/", "/sms/sms/health", "/report/a/"]
)
async def test_nothing_else_is_served(path: str) -> None:
    """404 for any other path, and no redirect to one that only lacks a slash."""
    async with client() as http:
        assert (await http.get(path)).status_code == 404
