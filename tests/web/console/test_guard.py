"""Who may see and do what: nobody without the token, under another Host, from another site or without a form token."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from support import console
from support.console import House

from app.settings import AdminSettings, HostPort
from app.web.console import make_console

SECRET = "Hours of the secret society?"
PAGES = (
    *("", "messages/rows", "messages/{uuid}", "people/+33700000001", "search?q=33700000001", "people/1/forget"),
    *("status", "targets", "deliveries"),
)
ACTIONS = (
    *("logout", "people/+33700000001/opt-out", "people/+33700000001/reset", "people/+33700000001/forget"),
    *("targets/pause", "targets/resume", "deliveries/confirm", "deliveries/change"),
)


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all: what is refused changes nothing."""
    async with console.opened(tmp_path_factory.mktemp("guard")) as house:
        yield house


@pytest.fixture
async def house(shared: House) -> AsyncIterator[House]:
    """The same, with a browser of its own."""
    async with console.logged_in(shared.admin) as browser:
        yield replace(shared, browser=browser)


def _urls(uuid: str, paths: tuple[str, ...] = PAGES) -> list[str]:
    return [f"/console/{path.format(uuid=uuid)}" for path in paths]


async def test_without_a_session_every_page_leads_to_the_log_in(house: House) -> None:
    """No page shows anything; the log-in returns to where one wanted to go."""
    uuid = await house.text(SECRET, From="33700000001")
    async with console.browser(house.admin) as stranger:
        for url in _urls(uuid):
            answer = await stranger.get(url, headers={"sec-fetch-mode": "navigate"})
            assert (answer.status_code, answer.text) == (303, ""), url
            assert answer.headers["location"].startswith("/console/login?next=%2Fconsole%2F")
            other = await stranger.get(url, headers={"sec-fetch-mode": "same-origin"})
            assert other.status_code == 401
        for url in _urls(uuid, ACTIONS):
            assert (await stranger.post(url, data={"out": "yes"})).status_code == 401
        form = await stranger.get(f"/console/login?next=/console/messages/{uuid}")
        assert "secret" not in form.text
        data = {"token": console.TOKEN, "next": f"/console/messages/{uuid}"}
        answer = await stranger.post("/console/login", data=data)
        assert answer.headers["location"] == f"/console/messages/{uuid}"
        assert SECRET in (await stranger.get(answer.headers["location"])).text


@pytest.mark.parametrize("cookie", ["", "x", "AAAA.BBBB.CCCC", "%00", "é"])
async def test_a_forged_cookie_is_no_session(house: House, cookie: str) -> None:
    """A session is what this service has signed with its token."""
    async with console.browser(house.admin) as stranger:
        answer = await stranger.get("/console/", headers=[(b"cookie", f"autoreply_session={cookie}".encode())])
        assert answer.status_code == 303


async def test_a_wrong_token_is_refused(house: House) -> None:
    """The form says so, with 403 and no cookie; a longer or an empty one is wrong as well."""
    async with console.browser(house.admin) as stranger:
        for wrong in ("", "x", console.TOKEN[:-1], f"{console.TOKEN}x", "\udcff".encode("utf-8", "surrogatepass")):
            answer = await stranger.post("/console/login", data={"token": wrong})
            assert answer.status_code in (400, 403)
            assert "set-cookie" not in answer.headers
        page = console.read(await stranger.post("/console/login", data={"token": "x"}))
        assert "This is not the token of this service." in page.text


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/console/\\evil", "/other", "/console/\n", "javascript:1"]
)
async def test_the_log_in_leads_to_no_other_site(house: House, target: str) -> None:
    """Only pages of the console are gone to."""
    async with console.browser(house.admin) as stranger:
        answer = await stranger.post("/console/login", data={"token": console.TOKEN, "next": target})
        assert answer.headers["location"] == "/console/"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9090", 200),
        ("127.0.0.1:8443", 200),
        ("localhost", 200),
        ("SMS-Admin.example.com.", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example@127.0.0.1", 403),
        ("sms-admin.example.com/x", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
async def test_only_our_hosts_are_served(house: House, host: str, status: int) -> None:
    """A name that a stranger points at this address shows nothing (DNS rebinding); the port does not matter."""
    answer = await house.browser.get("/console/login", headers={"host": host})
    assert answer.status_code == status
    assert (await house.browser.get("/api/v1/reload", headers={"host": host})).status_code == (
        401 if status == 200 else 403
    )
    assert (await house.browser.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9091"},
    ],
)
async def test_another_site_changes_nothing(house: House, headers: dict[str, str]) -> None:
    """Even with the cookie and a right form token."""
    await house.text("hello", From="33700000001")
    token = (await house.page("/console/")).form_token
    data = {"form_token": token, "number": "+33644600000", "out": "yes"}
    answer = await house.browser.post("/console/people/+33700000001/opt-out", data=data, headers=headers)
    assert answer.status_code == 403
    assert "no opt-out is in force" in (await house.page("/console/people/+33700000001")).text


async def test_without_a_form_token_nothing_is_done(house: House) -> None:
    """Every route that takes a POST, whatever its name, asks for the token of this session's forms."""
    uuid = await house.text("hello", From="33700000001")
    async with console.browser(house.admin) as other:
        await other.post("/console/login", data={"token": console.TOKEN})
        foreign = console.read(await other.get("/console/")).form_token
    for token in ({}, {"form_token": ""}, {"form_token": "x" * 40}, {"form_token": foreign}):
        for url in (*_urls(uuid, ACTIONS), f"/console/messages/{uuid}/replay"):
            answer = await house.browser.post(url, data={"number": "+33644600000", "out": "yes", **token})
            assert answer.status_code == 403, url
    assert "no opt-out is in force" in (await house.page("/console/people/+33700000001")).text


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"form_token=x&" + b"a=1&" * 3_000, "application/x-www-form-urlencoded", 400),
        (b"form_token=%ff", "application/x-www-form-urlencoded", 403),
        (b"form_token=\xff", "application/x-www-form-urlencoded", 400),
        (b"a" * 300_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_form_is_small_and_plain(house: House, content: bytes, media_type: str, status: int) -> None:
    """What is no form, or a huge one, is refused before it is kept."""
    answer = await house.browser.post("/console/logout", content=content, headers={"content-type": media_type})
    assert answer.status_code == status
    assert "Traceback" not in answer.text


async def test_after_the_log_out_the_cookie_is_gone(house: House) -> None:
    """And the pages are closed again."""
    answer = await house.post("/console/logout")
    assert answer.headers["location"] == "/console/login"
    assert (await house.browser.get("/console/")).status_code == 303


async def test_every_response_has_a_strict_policy(house: House) -> None:
    """No inline script or style, no other site, no frame, no cache."""
    for url in ("/console/", "/console/login", "/console/nothing", "/console/static/console.css"):
        headers = (await house.browser.get(url)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert (await house.browser.get("/console/")).headers["cache-control"] == "no-store"
    page = (await house.page("/console/")).source
    assert "<script>" not in page
    assert "style=" not in page
    assert "onclick" not in page


async def test_behind_tls_the_cookie_is_secure(house: House) -> None:
    """A proxy says that it speaks TLS; then the cookie never leaves by plain HTTP."""
    async with console.browser(house.admin) as stranger:
        headers = {"x-forwarded-proto": "https"}
        answer = await stranger.post("/console/login", data={"token": console.TOKEN}, headers=headers)
        cookie = answer.headers["set-cookie"]
    assert cookie.endswith("; Secure")
    assert "HttpOnly; SameSite=Lax" in cookie
    assert console.TOKEN not in cookie


async def test_without_a_token_there_is_no_console(house: House) -> None:
    """Nobody can log in to it."""

    async def reload() -> object:
        raise AssertionError

    closed = make_console(house.service.running(reload), AdminSettings(HostPort("127.0.0.1", 0)))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(closed), base_url="http://x") as stranger:
        answer = await stranger.get("/login")
    assert (answer.status_code, answer.text) == (404, "the console is disabled; set [admin] token to enable it\n")


async def test_an_open_console_has_nothing_to_log_out_of(house: House) -> None:
    """In `dev` each browser has a session without a token; forms still need theirs."""

    async def reload() -> object:
        raise AssertionError

    settings = AdminSettings(HostPort("127.0.0.1", 0))
    opened = make_console(house.service.running(reload), settings, is_open=True)  # type: ignore[arg-type]
    async with console.browser(opened) as browser:
        page = console.read(await browser.get("/"))
        assert page.status == 200
        assert "Log out" not in page.text
        assert (await browser.post("/people/+33700000001/reset", data={"a": "b"})).status_code == 403
