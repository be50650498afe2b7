"""deploy/nginx and deploy/caddy, driven: Plivo's calls arrive as they were signed, and strangers reach nothing else."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest
from support import http_server, plivo_sdk, process, scrape, web_servers, wire
from support.web_servers import CONSOLE, PUBLIC, SHARED, Upstreams, WebServer

TOKEN = "an-admin-token-for-tests"
CONFIG = (
    process.MINIMAL.replace("[plivo]", 'deadline = "3s"\n[plivo]')
    + f'[admin]\nlisten = "127.0.0.1:0"\ntoken = "{TOKEN}"\nhosts = ["{CONSOLE}"]\n'
)
_SIGNED = {"X-Plivo-Signature-V2": "A" * 44, "X-Plivo-Signature-V2-Nonce": "1"}  # as far as a stranger can
FORM = {"content-type": "application/x-www-form-urlencoded"}
STARTS: dict[str, Callable[[Path, Upstreams], AbstractContextManager[WebServer]]] = {
    "nginx": web_servers.nginx,
    "caddy": web_servers.caddy,
}
both = pytest.mark.parametrize("kind", STARTS)


@dataclass(frozen=True)
class Stage:
    """A proxy and the service behind it."""

    proxy: WebServer
    service: process.Served


@pytest.fixture(scope="module", params=STARTS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One proxy in front of one service, for the tests that harm neither."""
    folder = tmp_path_factory.mktemp(request.param)
    with (
        process.served(tmp_path_factory.mktemp("service"), CONFIG) as service,
        STARTS[request.param](folder, Upstreams([_port(service)], scrape.port(service))) as proxy,
    ):
        yield Stage(proxy, service)


def _port(service: process.Served) -> int:
    return int(urlsplit(service.url).port or 0)


def _call(
    proxy: WebServer,
    path: str = "/message",
    *,
    method: str = "POST",
    scheme: plivo_sdk.Scheme = "V3",
    host: str = PUBLIC,
    **changes: str,
) -> wire.Answer:
    """A call as Plivo makes it, signed for the public URL."""
    params = plivo_sdk.report(**changes) if "/report" in path else wire.message(**changes)
    headers = plivo_sdk.headers(method, f"https://{host}{path}", params, scheme)
    form = plivo_sdk.form(params)
    if method == "GET":
        return proxy.exchange(host, "GET", f"{path}?{form}", headers)
    return proxy.exchange(host, "POST", path, FORM | headers, form.encode())


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("scheme", plivo_sdk.SCHEMES)
def test_every_signature_arrives(stage: Stage, scheme: plivo_sdk.Scheme, method: str) -> None:
    """V2 and V3, of the account and of a subaccount, over TLS: a message with every kind of character is answered."""
    answer = _call(stage.proxy, method=method, scheme=scheme, Text="Hours? +1 & 50% äöü 你好 \n 😀")
    assert (answer.status, wire.text_of(answer.body)) == (200, "Thanks, we got your message.")
    report = _call(stage.proxy, "/report/00000000-0000-0000-0000-000000000001", method=method, scheme=scheme)
    assert report.status == 200


HIDDEN = ("/metrics", "/console/", "/console/login", "/api/v1/status", "//metrics", "/x/../metrics")


@pytest.mark.parametrize("path", HIDDEN)
def test_the_public_host_shows_nothing_of_the_admin_socket(stage: Stage, path: str) -> None:
    """Neither pages nor metrics, not by another spelling of the path, nor with the token."""
    answer = stage.proxy.exchange(PUBLIC, "GET", path, {"authorization": f"Bearer {TOKEN}"})
    assert answer.status in (400, 404)
    assert b"autoreply_" not in answer.body


def test_a_wrong_path_is_counted_by_the_service(stage: Stage) -> None:
    """A call with a signature to a path that is not served reaches the service, which logs what is wrong."""
    assert _call(stage.proxy, "/mesage").status == 404
    stage.service.wait_for("refused", status=404, path="/mesage")


@pytest.mark.parametrize("path", ["/metrics", "/health", "/ready", "/message", "/console/../metrics"])
def test_the_console_host_shows_the_console_only(stage: Stage, path: str) -> None:
    """What needs no token stays inside, and so does what Plivo calls."""
    answer = stage.proxy.exchange(CONSOLE, "GET", path)
    assert answer.status in (302, 303, 400, 404)
    assert b"autoreply_" not in answer.body


def test_the_api_is_reached_with_the_token_only(stage: Stage) -> None:
    """By the name of the console's host, as [admin] hosts allows."""
    path = "/api/v1/reload"
    assert stage.proxy.exchange(CONSOLE, "POST", path, {"content-length": "0"}).status == 401
    allowed = {"content-length": "0", "authorization": f"Bearer {TOKEN}"}
    assert stage.proxy.exchange(CONSOLE, "POST", path, allowed).status == 200


@pytest.mark.parametrize("host", [CONSOLE, f"{CONSOLE}:8443"])
def test_an_operator_logs_in(stage: Stage, host: str) -> None:
    """The form, from the same origin, gets a cookie for https only; with it the console is shown."""
    assert b'name="token"' in _browse(stage, "GET", "/console/login", host).body
    answer = _browse(stage, "POST", "/console/login", host, FORM, f"token={TOKEN}".encode())
    assert answer.status == 303
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert "Secure" in attributes
    assert _browse(stage, "GET", "/console/", host, {"cookie": cookie}).status == 200
    assert _browse(stage, "GET", "/console/", host).status == 303


def _browse(
    stage: Stage,
    method: str,
    path: str,
    host: str,
    headers: Mapping[str, str] = MappingProxyType({}),
    body: bytes = b"",
) -> wire.Answer:
    return stage.proxy.exchange(CONSOLE, method, path, {"host": host, "origin": f"https://{host}", **headers}, body)


def test_a_large_body_is_refused(stage: Stage) -> None:
    """413 beyond [server] body_limit, and the next call is answered."""
    body = b"Text=" + b"x" * 100_000
    headers = FORM | plivo_sdk.headers("POST", f"https://{PUBLIC}/message", (), "V2")
    assert stage.proxy.exchange(PUBLIC, "POST", "/message", headers, body).status == 413
    assert _call(stage.proxy).status == 200


def test_the_largest_body_that_is_allowed_passes(stage: Stage) -> None:
    """The limits of proxy and service agree: 64 KiB less the other fields is a message."""
    assert _call(stage.proxy, Text="x" * 60_000).status == 200


def test_a_slow_body_holds_nobody_up(stage: Stage) -> None:
    """A request that stays incomplete gets 408 or is closed; meanwhile a call is answered."""
    params = wire.message()
    headers = FORM | plivo_sdk.headers("POST", f"https://{PUBLIC}/message", params)
    with stage.proxy.dial(PUBLIC) as connection:
        connection.sendall(web_servers.request(PUBLIC, "POST", "/message", headers | {"content-length": "500"}) + b"Te")
        started = time.monotonic()
        assert _call(stage.proxy).status == 200
        assert time.monotonic() - started < 3  # a second before the body's time is over
        with contextlib.suppress(ConnectionError):
            assert connection.recv(100)[:12] in (b"", b"HTTP/1.1 408")
        assert time.monotonic() - started < 30


@both
def test_the_service_under_a_path_of_another_host(tmp_path: Path, kind: str) -> None:
    """The proxy strips the path; signatures are verified with it, because public_url has it."""
    config = CONFIG.replace(f"https://{PUBLIC}", f"https://{SHARED}/sms")
    with process.served(tmp_path, config) as service, _front(kind, tmp_path, service) as proxy:
        for scheme in plivo_sdk.SCHEMES:
            for method in ("POST", "GET"):
                answer = _call(proxy, "/sms/message", method=method, scheme=scheme, host=SHARED)
                assert wire.text_of(answer.body) == "Thanks, we got your message."
        assert _call(proxy, "/sms/report", host=SHARED).status == 200
        assert proxy.exchange(SHARED, "GET", "/sms/metrics").status == 404
        assert proxy.exchange(SHARED, "GET", "/message").status != 403  # it is not passed on


def _front(kind: str, folder: Path, *services: process.Served) -> AbstractContextManager[WebServer]:
    below = folder / f"proxy-{len(list(folder.iterdir()))}"
    below.mkdir()
    return STARTS[kind](below, Upstreams([_port(service) for service in services]))


@both
def test_a_stopped_replica_is_left_out(tmp_path: Path, kind: str) -> None:
    """While one of two is stopped or killed, the other answers: with nginx each call, with Caddy 2.6 after a check."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    for end in (process.Served.stop, process.Served.kill):
        with (
            process.served(tmp_path / "one", CONFIG) as one,
            process.served(tmp_path / "two", CONFIG) as two,
            _front(kind, tmp_path, one, two) as proxy,
        ):
            assert [_call(proxy).status for _ in range(6)] == [200] * 6
            end(one)
            if kind == "caddy":
                _wait_for_the_check(proxy)
            assert [_call(proxy).status for _ in range(12)] == [200] * 12


def _wait_for_the_check(proxy: WebServer) -> None:
    deadline = time.monotonic() + 60
    while "health_checker" not in proxy.log():
        assert time.monotonic() < deadline
        assert _call(proxy).status in (200, 502)  # Caddy 2.6 cannot repeat a POST; Plivo calls again
        time.sleep(0.02)  # polling a process, not waiting for luck


@both
def test_a_stranger_takes_no_replica_out(tmp_path: Path, kind: str) -> None:
    """Requests that break off or break the protocol are no reason to stop calling a service."""
    head = web_servers.request(PUBLIC, "POST", "/message", _SIGNED | {"transfer-encoding": "chunked"})
    with process.served(tmp_path, CONFIG) as service, _front(kind, tmp_path, service, service) as proxy:
        for _ in range(6):
            with proxy.dial(PUBLIC) as connection:
                connection.sendall(head + b"5\r\nabcde\r\nno number\r\n")
                assert connection.recv(100).split()[1] in (b"400", b"502")
            with proxy.dial(PUBLIC) as connection:
                connection.sendall(head + b"5\r\nabc")
        assert [_call(proxy).status for _ in range(6)] == [200] * 6


@both
def test_without_a_replica_plivo_is_told_to_call_again(tmp_path: Path, kind: str) -> None:
    """502 or 503 at once, which Plivo repeats; and the proxy's log holds no text and no number of a GET."""
    with process.served(tmp_path, CONFIG) as service, _front(kind, tmp_path, service) as proxy:
        assert _call(proxy, method="GET", Text="Geheimnis").status == 200
        service.stop()
        started = time.monotonic()
        answer = _call(proxy, method="POST" if kind == "nginx" else "GET", Text="Geheimnis", From="33712345678")
        assert answer.status in (502, 503)
        assert time.monotonic() - started < 8  # then Plivo hangs up
        log = proxy.log()
    assert "Geheimnis" not in log
    assert "33712345678" not in log
    assert "/message" in log


@dataclass
class Live:
    """An admin socket with a page that never ends."""

    port: int = 0
    hosts: tuple[str, ...] = ()


@contextlib.contextmanager
def _live(go_on: threading.Event) -> Iterator[Live]:
    """Sends one event at once, and the next when it is told to."""
    live = Live()

    class Handler(http_server.Handler):
        def respond(self) -> None:
            live.hosts += (self.headers["host"],)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self._send(b"data: one\n\n")
            go_on.wait(20)
            self._send(b"data: two\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, event: bytes) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()

    with http_server.running(http_server.Server(Handler)) as live.port:
        try:
            yield live
        finally:
            go_on.set()


@both
def test_the_live_page_is_live(tmp_path: Path, kind: str) -> None:
    """An event arrives when it is sent, not when a buffer is full; the console sees the host that was named."""
    go_on = threading.Event()
    with (
        _live(go_on) as live,
        STARTS[kind](tmp_path, Upstreams([9], live.port)) as proxy,
        proxy.dial(CONSOLE) as connection,
        connection.makefile("rb") as page,
    ):
        connection.sendall(web_servers.request(CONSOLE, "GET", "/console/messages/live", {}))
        assert next(line for line in page if line.startswith(b"data")) == b"data: one\n"
        go_on.set()
        assert next(line for line in page if line.startswith(b"data")) == b"data: two\n"
    assert live.hosts == (CONSOLE,)
