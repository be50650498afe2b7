"""What is refused before any operation is called: tokens, hosts, paths, bodies, members."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from support.api import BEARER, TOKEN, Api, dumped, words

from app.settings import AdminSettings, HostPort
from app.telemetry.metrics import Metrics
from app.web.admin import make_admin

JSON = {**BEARER, "Content-Type": "application/json"}
EXPLAIN = {"to": "+33644600000", "from": "+33612345671"}


@pytest.fixture
def api(shared: Api) -> Api:
    """One for all: what is refused, explained or listed changes nothing."""
    return shared


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Cookie": f"token={TOKEN}"},
    ],
)
@pytest.mark.parametrize("path", ["/status", "/no/such/path", "/reload", "/openapi.json"])
async def test_without_the_token(api: Api, headers: Mapping[str, Any], path: str) -> None:
    """401, which asks for a Bearer token, and tells nothing of what exists."""
    response = await api("GET", path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith('Bearer realm="plivo-autoreply"')


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_in_any_case(api: Api, scheme: str) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#name-authentication-scheme."""
    assert (await api("GET", "/status", headers={"Authorization": f"{scheme} {TOKEN}"})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.2", "", "localhost.evil.example", "127.0.0.1@evil"])
async def test_another_host(api: Api, host: str) -> None:
    """403, with the token and without: no page of a stranger reaches the API by a name of its own."""
    for headers in (BEARER, {}):
        assert (await api("GET", "/status", headers={**headers, "Host": host})).status_code == 403


async def test_no_token_in_the_file(api: Api) -> None:
    """Then there is no API at all."""
    app = make_admin(api.running, AdminSettings(HostPort("127.0.0.1", 0)), Metrics())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        response = await client.get("/api/v1/status", headers={"Authorization": "Bearer "})
    assert response.status_code == 404
    assert "[admin] token" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/status/", 404, None),
        ("GET", "/STATUS", 404, None),
        ("GET", "/messages/a/b", 404, None),
        ("POST", "/status", 405, {"GET", "HEAD"}),
        ("OPTIONS", "/status", 405, {"GET", "HEAD"}),
        ("PATCH", "/opt-outs", 405, {"GET", "HEAD", "POST", "DELETE"}),
        ("GET", "/reload", 405, {"POST"}),
        ("DELETE", "/openapi.json", 405, {"GET", "HEAD"}),
    ],
)
async def test_other_paths_and_methods(api: Api, method: str, path: str, status: int, allow: set[str] | None) -> None:
    """A problem too; a path that exists tells its methods."""
    response = await api(method, path)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert set(response.headers.get("allow", "").split(", ")) == (allow or {""})


async def test_head(api: Api) -> None:
    """As GET."""
    for path in ("/status", "/messages", "/openapi.json"):
        assert (await api("HEAD", path)).status_code == 200


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "no valid JSON: line 1, column 1"),
        (b"{", "no valid JSON"),
        (b'{"to": "+33644600000",\n "from": }', "line 2, column 10"),
        (b"to=%2B33644600000", "no valid JSON"),
        (b'{"to": "\xff"}', "not UTF-8: byte 8"),
        (dumped(EXPLAIN).decode().encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf{}", "no valid JSON"),
        (b'{"to": NaN}', "NaN is no number"),
        (b'{"to": ' + b"9" * 5000 + b"}", "too long"),
        (b"[" * 60_000, "nested too deep"),
        (b'{"given": ' * 5_000, "the body is no "),  # Python 3.13 can read so deep, and misses its end
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"to": "+33644600000", "to": "+33644600001", "from": "x"}', "given more than once"),
        (b'{"given": {"a": "1", "a": "2"}}', "given more than once"),
    ],
)
async def test_bodies_that_are_no_documents(api: Api, body: bytes, detail: str) -> None:
    """400, with where it is wrong in our own words."""
    response = await api("POST", "/explain", content=body, headers=JSON)
    assert response.status_code == 400, response.text
    assert detail in response.json()["detail"]


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "a/b;c=d"]
)
async def test_other_content_types(api: Api, kind: str) -> None:
    """415: a page of a stranger can post forms, but no JSON without asking first."""
    headers = {**BEARER, "Content-Type": kind}
    assert (await api("POST", "/explain", content=dumped(EXPLAIN), headers=headers)).status_code == 415


async def test_a_content_type_with_a_charset(api: Api) -> None:
    """JSON all the same."""
    headers = {**BEARER, "Content-Type": "Application/JSON; charset=utf-8"}
    assert (await api("POST", "/explain", content=dumped(EXPLAIN), headers=headers)).status_code == 200


async def _pieces(count: int, wait: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(wait)
        yield b" " * 1024


async def test_large_bodies(api: Api) -> None:
    """413, whether the length is declared or not; one at the limit is read."""
    for content in (b" " * 65_537, _pieces(65)):
        assert (await api("POST", "/explain", content=content, headers=JSON)).status_code == 413
    text = "x" * 19_000
    whole = dumped(EXPLAIN | {"text": text})
    assert (await api("POST", "/explain", content=whole.ljust(65_536), headers=JSON)).status_code == 200


async def test_slow_bodies(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """408, however much comes now and then; the connection is not used again."""
    monkeypatch.setattr("app.web.api.body.SECONDS", 0.1)
    response = await api("POST", "/explain", content=_pieces(60, 0.01), headers=JSON)
    assert (response.status_code, response.headers["connection"]) == (408, "close")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, [("to", "is required"), ("from", "is required")]),
        (EXPLAIN | {"txet": "x"}, [("txet", 'is not known; did you mean "text"?')]),
        (EXPLAIN | {"sender": "x"}, [("sender", "is not known; known: at, from, given, text, to, type")]),
        (EXPLAIN | {"to": 33644600000}, [("to", "must be a string")]),
        (EXPLAIN | {"to": None}, [("to", "must be a string")]),
        (EXPLAIN | {"text": ["x"]}, [("text", "must be a string")]),
        (EXPLAIN | {"text": "a\0b"}, [("text", "must not contain U+0000 or half a surrogate pair")]),
        (EXPLAIN | {"text": "\ud83d"}, [("text", "must not contain U+0000 or half a surrogate pair")]),
        (EXPLAIN | {"text": "x" * 20_001}, [("text", "has 20001 characters; the limit is 20000")]),
        (EXPLAIN | {"type": "SMS"}, [("type", "is none of the values it may have; known: mms, sms, whatsapp")]),
        (EXPLAIN | {"type": 1}, [("type", "is none of the values it may have; one of: sms, mms, whatsapp")]),
        (EXPLAIN | {"given": "bot=pass"}, [("given", "must be an object of strings")]),
        (EXPLAIN | {"given": {"bot": 1}}, [("given", "must be a string")]),
        (EXPLAIN | {"at": 1772442000}, [("at", "must be a string")]),
        (EXPLAIN | {"at": "yesterday"}, [("at", "must be a time with its offset, as 2026-03-02T09:00:00Z")]),
        (EXPLAIN | {"at": "2026-03-02T09:00:00"}, [("at", "must be a time with its offset, as 2026-03-02T09:00:00Z")]),
        (EXPLAIN | {"at": "0001-01-01T00:00:00+23:59"}, None),
    ],
)
async def test_members_of_a_body(api: Api, document: Any, expected: list[tuple[str, str]] | None) -> None:
    """400 with what is wrong with each, by name."""
    response = await api("POST", "/explain", document)
    if expected is None:
        assert response.status_code in (200, 400)
    else:
        assert (response.status_code, list(words(response.json()))) == (400, expected)


async def test_odd_names_of_members(api: Api) -> None:
    """They are told back, whatever they are."""
    body = b'{"\\ud800": 1, "<b>\\u202e": 2, "to": "+33644600000", "from": "+33612345671"}'
    response = await api("POST", "/explain", content=body, headers=JSON)
    assert [name for name, _ in words(response.json())] == ["\ud800", "<b>\u202e"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", ("limit", "must be from 1 to 200")),
        ("limit=-1", ("limit", "must be from 1 to 200")),
        ("limit=201", ("limit", "must be from 1 to 200")),
        ("limit=99999999999999999999", ("limit", "must be a whole number")),
        ("limit=1.5", ("limit", "must be a whole number")),
        ("limit=", ("limit", "must be a whole number")),
        ("limit=%D9%A1", ("limit", "must be a whole number")),
        ("limit=1&limit=2", ("limit", "is given more than once")),
        ("outcome=anwsered", ("outcome", 'is none of the values it may have; did you mean "answered"?')),
        ("since=1772442000", ("since", "must be a time with its offset, as 2026-03-02T09:00:00Z")),
        ("rout=shop", ("rout", 'is not known; did you mean "route"?')),
        ("route=a%00b", ("route", "must not contain U+0000 or half a surrogate pair")),
        ("token=x", ("token", "is not known; did you mean")),
    ],
)
async def test_members_of_a_query(api: Api, query: str, expected: tuple[str, str]) -> None:
    """400 with what is wrong with each, by name."""
    response = await api("GET", f"/messages?{query}")
    assert response.status_code == 400, response.text
    ((name, message),) = words(response.json())
    assert name == expected[0]
    assert message.startswith(expected[1]) or name == "token"


@pytest.mark.parametrize(("method", "path"), [("GET", "/status"), ("POST", "/reload"), ("POST", "/targets/crm/pause")])
async def test_a_query_where_there_is_none(api: Api, method: str, path: str) -> None:
    """400: whoever asks for more must not believe that it was heard."""
    response = await api(method, f"{path}?verbose=1")
    assert (response.status_code, list(words(response.json()))) == (400, [("verbose", "is not known")])
