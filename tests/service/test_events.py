"""The events of the console on a real socket: they say only that something has changed, and end with the service."""

import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support import console, process, scrape, wire

BEGIN = "retry: 3000\ndata: changed"
CONFIG = process.MINIMAL + console.ADMIN.replace("9090", "0")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[process.Served]:
    """A service with a console."""
    with process.served(tmp_path, CONFIG) as running:
        yield running


def _log_in(service: process.Served) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", scrape.port(service), timeout=10)
    form = {"content-type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/console/login", f"token={console.TOKEN}", form)
    cookie = connection.getresponse().getheader("set-cookie", "")
    connection.close()
    return cookie.partition(";")[0]


@contextmanager
def _opened(service: process.Served, cookie: str, pages: int = 1) -> Iterator[list[http.client.HTTPResponse]]:
    """The streams of some open pages."""
    with ExitStack() as stack:
        streams = []
        for _ in range(pages):
            connection = http.client.HTTPConnection("127.0.0.1", scrape.port(service), timeout=10)
            stack.callback(connection.close)
            connection.request("GET", "/console/events", headers={"cookie": cookie, "sec-fetch-mode": "cors"})
            streams.append(stack.enter_context(connection.getresponse()))
        yield streams


def _event(stream: http.client.HTTPResponse) -> str:
    """The lines up to the next empty one."""
    lines = []
    while line := stream.readline().decode().rstrip("\n"):
        lines.append(line)
    return "\n".join(lines)


def test_event_says_only_that_something_has_changed(service: process.Served) -> None:
    """Within two seconds of a message; no text and no number is in it."""
    with _opened(service, _log_in(service)) as (stream,):
        assert stream.status == 200
        assert stream.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert (stream.getheader("cache-control"), stream.getheader("x-accel-buffering")) == ("no-cache", "no")
        assert _event(stream) == BEGIN
        time.sleep(0.2)  # the store is looked at for the first time when somebody listens
        wire.tell(service, wire.message(Text="secret"))
        before = time.monotonic()
        assert _event(stream) == "data: changed"
        assert time.monotonic() - before < 2.5


def test_stop_ends_open_streams(service: process.Served) -> None:
    """With twenty of them the service still ends in time, and by itself."""
    with _opened(service, _log_in(service), 20) as streams:
        assert [_event(stream) for stream in streams] == [BEGIN] * 20
        before = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - before < 5.0
        assert "did not end in time" not in service.text()
        assert all(stream.read() == b"" for stream in streams)


def test_strangers_and_too_many_pages_get_none(service: process.Served) -> None:
    """401 without a session; 503 for the fifty-first page, and the service goes on."""
    cookie = _log_in(service)
    with _opened(service, "") as (stranger,), _opened(service, cookie, 50) as streams:
        assert stranger.status == 401
        assert [_event(stream) for stream in streams] == [BEGIN] * 50
        with _opened(service, cookie) as (one_more,):
            assert one_more.status == 503
        assert wire.tell(service, wire.message())[0] == 200
