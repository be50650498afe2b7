"""What no Plivo would send: each gets the documented status, no traceback, and harms nobody who comes after."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import plivo_sdk, process, wire

URL = f"{wire.PUBLIC}/message"
SHORT_DEADLINE = process.MINIMAL.replace("[plivo]", 'deadline = "1s"\n[plivo]').replace(
    "Thanks, we got your message.", "You said: {text}."
)
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Served]:
    """One service that all of this is thrown at."""
    with process.served(tmp_path_factory.mktemp("bad"), SHORT_DEADLINE) as service:
        yield service


@pytest.fixture
def service(running: process.Served) -> Iterator[process.Served]:
    """Afterwards the next good request works, and the log knows no fault of ours."""
    before = len(running.lines())
    yield running
    params = wire.message()
    assert wire.answered(running, params) == "You said: hello."
    assert running.process.poll() is None
    running.wait_for("answered", message_uuid=dict(params)["MessageUUID"])
    lines = running.lines()[before:]
    assert [line for line in lines if line["level"] in ("error", "critical") or "exception" in line] == []
    assert "Traceback" not in running.text()


def _v2(path: str = "/message", method: str = "POST") -> dict[str, str]:
    return plivo_sdk.headers(method, f"{wire.PUBLIC}{path}", (), "V2")


def _without(name: str) -> list[tuple[str, str]]:
    return [(field, value) for field, value in wire.message() if field != name]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        *((_without(name), 400) for name in ("From", "To", "MessageUUID")),
        (wire.message(From=""), 400),
        (wire.message(To=" "), 400),
        (wire.message(MessageUUID=""), 400),
        (wire.message(MessageUUID="../../etc"), 400),
        (wire.message(MessageUUID="a\0b"), 400),
        (wire.message(MessageUUID="a" * 65), 400),
        ([*wire.message(To="33644600000"), ("To", "33644600001")], 400),
        ([*wire.message(Text="a"), ("Text", "b")], 400),
        ([*wire.message(To="33644600000"), ("To", "33644600000")], 200),
        ([*wire.message(), ("Unknown", "a"), ("Unknown", "b")], 200),
        (wire.message(From="x" * 65), 400),
        (wire.message(To="3" * 5_000), 400),
        (wire.message(From="x" * 64), 200),
        (_without("Text"), 200),
        (wire.message(Text="a\0b"), 200),
        (wire.message(Text="a" * 10_000), 200),
        (wire.message(Units="many", TotalRate="1e999"), 200),
        (wire.message(Type="\u2028", MessageIntent=""), 200),
        (wire.message(From="\0"), 200),
        (wire.message(To="\U0010ffff"), 200),
        ([("", "")], 400),
        ([], 400),
    ],
)
@pytest.mark.parametrize("scheme", ["V2", "V3"])
def test_fields(service: process.Served, scheme: plivo_sdk.Scheme, params: list[tuple[str, str]], status: int) -> None:
    """A signed message without its three fields, or with two answers to one question, gets 400; others are answered."""
    fresh = [(name, wire.sender() if name == "From" and value.isdigit() else value) for name, value in params]
    fresh = [(name, f"{scheme}-{value}" if name == "MessageUUID" and "-" in value else value) for name, value in fresh]
    assert wire.tell(service, fresh, scheme=scheme)[0] == status


@pytest.mark.parametrize(
    ("params", "status"),
    [
        (plivo_sdk.report(MessageUUID=""), 400),
        (plivo_sdk.report(Status=""), 400),
        (plivo_sdk.report(From="x" * 65), 400),
        (plivo_sdk.report(To="3" * 5_000), 400),
        (plivo_sdk.report(From="x" * 64, To="x" * 64), 200),
        ([*plivo_sdk.report(Status="sent"), ("Status", "failed")], 400),
        (plivo_sdk.report(Status="a new status\0", ErrorCode="\n", Sequence="-1", From="", To=""), 200),
        ([("MessageUUID", "only-these"), ("Status", "sent")], 200),
        ([*plivo_sdk.report(), ("Sequence", "9"), ("Units", "x")], 200),
    ],
)
def test_fields_of_reports(service: process.Served, params: list[tuple[str, str]], status: int) -> None:
    """A signed report is refused for its two fields and for an endless address, and never for the rest it holds."""
    assert wire.tell(service, params, "/report/an-id")[0] == status


GOOD = plivo_sdk.form(wire.message(Text="raw")).encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (GOOD.replace(b"raw", b"100%"), 400),
        (GOOD.replace(b"raw", b"%zz"), 400),
        (GOOD.replace(b"raw", b"%u00e9"), 400),
        (GOOD.replace(b"raw", b"%FF"), 400),
        (GOOD.replace(b"raw", b"\xff\xfe"), 400),
        (GOOD.replace(b"raw", b"%ED%A0%80"), 400),  # half of a surrogate pair
        (GOOD.replace(b"Text", b"%C3"), 400),
        (GOOD.replace(b"raw", b"a%00b"), 200),
        (b"a=1&" * 10_000 + GOOD, 400),
        (b"&" * 10_000 + GOOD, 400),
        (b"x" * 1_000_000, 413),
        (b"x" * 65_537, 413),
        (b"", 400),
        (b"\0" * 100, 400),
        (b"=&=&=", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bodies(service: process.Served, body: bytes, status: int) -> None:
    """A body that two parsers could read in two ways is refused; one over the limit is not read."""
    assert wire.post(service, body).status == status


def test_a_raw_nul_is_answered_without_it(service: process.Served) -> None:
    """A NUL in a text reaches no XML: no XML 1.0 document can hold it."""
    body = plivo_sdk.form(wire.message(Text="raw")).encode().replace(b"raw", b"a\0b")
    answer = wire.post(service, body)
    assert (answer.status, wire.text_of(answer.body)) == (200, "You said: ab.")


def test_control_characters_are_answered_without_them(service: process.Served) -> None:
    """What a phone has made of curly quotes reaches no XML either."""
    assert wire.answered(service, wire.message(Text="I\x19m sorry \x1cHi\x1d")) == "You said: Im sorry Hi."


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("text/plain", 415),
        ("", 415),
        (None, 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=x", 400),
        ("multipart/mixed; boundary=x", 415),
        ("application/x-www-form-urlencoded; charset=utf-8", 200),
        ("APPLICATION/X-WWW-FORM-URLENCODED", 200),
    ],
)
def test_content_types(service: process.Served, content_type: str | None, status: int) -> None:
    """A body that is no form gets 415; one that says it is multipart and is not gets 400."""
    body = plivo_sdk.form(wire.message()).encode()
    assert wire.post(service, body, content_type=content_type).status == status


def test_a_json_body(service: process.Served) -> None:
    """Nobody's JSON is read as a form."""
    assert wire.post(service, b'{"From": "1", "To": "2"}', content_type="application/json").status == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/message", "/message/", "/report", "/report/", "/report/an-id"])
def test_methods(service: process.Served, method: str, path: str) -> None:
    """Plivo calls with GET or POST; whoever else learns which methods there are, signed or not."""
    answer = wire.exchange(service, wire.head(method, path, {"content-length": "0"}), method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/messages",
        "/message/x",
        "//message",
        "/Message",
        "/%6dessage",
        "/report/a/b",
        "/report//",
        "/report/a.b",
        "/report/" + "a" * 65,
        "/report/%2e%2e",
        "/health/",
        "/metrics",
        "/docs",
        "/a/../message",
    ],
)
def test_other_paths(service: process.Served, path: str) -> None:
    """What is not served is 404 before anything else is looked at; nothing is redirected."""
    assert wire.exchange(service, wire.head("PUT", path, {"content-length": "0"}), "PUT").status == 404
    assert wire.exchange(service, wire.head("GET", path, {}), "GET").status == 404


@pytest.mark.parametrize("path", ["//message", "/", "/sms"])
def test_a_wrong_url_in_the_console(service: process.Served, path: str) -> None:
    """A signed call to a path that is not served leaves a line with the path: only the log can tell of it."""
    assert wire.tell(service, wire.message(), path)[0] == 404
    service.wait_for("refused", status=404, path=path)


def test_a_slash_behind_report(service: process.Served) -> None:
    """/report/ is served as /message/ is, without a redirect."""
    assert wire.tell(service, plivo_sdk.report(), "/report/")[0] == 200


SIGNED = wire.message()
WITH_V2 = plivo_sdk.headers("POST", URL, SIGNED, "V2")
WITH_V3 = plivo_sdk.headers("POST", URL, SIGNED, "V3")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Plivo-Signature-V2": WITH_V2["X-Plivo-Signature-V2"]},
        {"X-Plivo-Signature-V2-Nonce": WITH_V2["X-Plivo-Signature-V2-Nonce"]},
        {**WITH_V2, "X-Plivo-Signature-V2": ""},
        {**WITH_V2, "X-Plivo-Signature-V2-Nonce": ""},
        {**WITH_V2, "X-Plivo-Signature-V2": ",,, ,"},
        {**WITH_V2, "X-Plivo-Signature-V2": "\xff\xfe"},
        {**WITH_V2, "X-Plivo-Signature-V2": WITH_V3["X-Plivo-Signature-V3"]},
        {**WITH_V3, "X-Plivo-Signature-V3": WITH_V3["X-Plivo-Signature-V3"].rstrip("=")},
        {"X-Plivo-Signature": WITH_V2["X-Plivo-Signature-V2"]},
        plivo_sdk.headers("POST", f"{wire.PUBLIC}/report", SIGNED, "V2"),
        plivo_sdk.headers("POST", f"{wire.PUBLIC}/report", SIGNED, "V3"),
        plivo_sdk.headers("GET", URL, SIGNED, "V3"),
        plivo_sdk.headers("POST", URL, SIGNED, "V3", token="another account's"),
        plivo_sdk.headers("POST", URL, SIGNED, "V2", token="another account's"),
        plivo_sdk.headers("POST", URL, SIGNED, "V2", nonce="a/b"),
        plivo_sdk.headers("POST", URL, SIGNED, "V2", nonce="n" * 65),
    ],
)
def test_signatures(service: process.Served, headers: dict[str, str]) -> None:
    """Without a signature of ours for this URL, these words and this method: 403, and not a word why."""
    body = plivo_sdk.form(SIGNED).encode()
    sent = wire.head("POST", "/message", {**FORM, **headers, "content-length": str(len(body))}) + body
    answer = wire.exchange(service, sent)
    assert (answer.status, answer.body) == (403, b"signature not accepted\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": "1000000"}, 403),  # unsigned: before the size, the type and the body
        ({"content-length": "1000000", "content-type": "application/json"}, 403),
        ({**_v2(), "content-length": "1000000", "content-type": "application/json"}, 413),
        ({**_v2("/report"), "content-length": "1000000"}, 413),
        ({**_v2(), "content-length": str(10**15)}, 413),
        ({**_v2(), "content-length": "9" * 30}, 400),  # no number for an HTTP parser
        ({**_v2(), "content-length": "-1"}, 400),
        ({**_v2(), "content-length": "1e3"}, 400),
        ({**_v2(), "content-length": "5", "transfer-encoding": "chunked"}, 400),  # where smuggling begins
        ({**_v2(), "transfer-encoding": "gzip"}, 400),
    ],
)
def test_the_order_of_refusals(service: process.Served, headers: dict[str, str], status: int) -> None:
    """No signature is refused before the body is read, then comes its size; the body is not waited for."""
    assert wire.exchange(service, wire.head("POST", "/message", headers)).status == status


def _chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def test_chunked_bodies(service: process.Served) -> None:
    """A body in chunks is read like any other, and bounded like any other."""
    params = wire.message(Text="in chunks")
    body = plivo_sdk.form(params).encode()
    headers = {**FORM, **plivo_sdk.headers("POST", URL, params), "transfer-encoding": "chunked"}
    answer = wire.exchange(service, wire.head("POST", "/message", headers) + _chunked(body[:5], body[5:]))
    assert (answer.status, wire.text_of(answer.body)) == (200, "You said: in chunks.")
    sent = wire.head("POST", "/message", headers) + _chunked(*[b"x" * 4096] * 17)
    assert wire.exchange(service, sent).status == 413
    assert wire.exchange(service, wire.head("POST", "/message", headers) + b"zz\r\n").status == 400


def test_expect_100_continue(service: process.Served) -> None:
    """Who asks first is told to go on only if the head is signed."""
    params = wire.message()
    body = plivo_sdk.form(params).encode()
    asking = {**FORM, "content-length": str(len(body)), "expect": "100-continue"}
    with wire.dial(service) as connection:
        connection.sendall(wire.head("POST", "/message", asking))
        assert connection.recv(12) == b"HTTP/1.1 403"
    with wire.dial(service) as connection:
        connection.sendall(wire.head("POST", "/message", asking | plivo_sdk.headers("POST", URL, params)))
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert wire.read(connection).status == 200


@pytest.mark.parametrize("framing", ["content-length: 1000", "transfer-encoding: chunked"])
def test_a_body_that_never_ends(service: process.Served, framing: str) -> None:
    """A signed head whose body does not come within the deadline gets 408, and the connection is closed."""
    name, _, value = framing.partition(": ")
    with wire.dial(service) as connection:
        connection.sendall(wire.head("POST", "/message", {**FORM, **_v2(), name: value}) + b"5\r\nFrom=\r\n")
        assert wire.read(connection).status == 408
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "headers",
    [
        {"x-long": "x" * 40_000},
        {f"x-{index}": "x" * 1_000 for index in range(40)},
        {f"x-{index}": "" for index in range(101)},
        {"x" * 40_000: "x"},
    ],
)
def test_a_head_over_the_limit(service: process.Served, headers: dict[str, str]) -> None:
    """A header block over 32 KiB or 100 lines gets 431, however it is cut, signed or not."""
    assert wire.exchange(service, wire.head("GET", "/message", headers), "GET").status == 431
    assert wire.exchange(service, wire.head("GET", "/message", {**_v2(), **headers}), "GET").status == 431


def test_a_url_over_the_limit(service: process.Served) -> None:
    """A query is part of the head."""
    assert wire.exchange(service, wire.head("GET", "/message?" + "a=1&" * 10_000, _v2()), "GET").status == 431


MEGABYTE = b"x" * (1 << 20)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /message HTTP/1.1\r\nx: ", MEGABYTE),
        (b"GET /message HTTP/1.1\r\n", b"x: y\r\n" * 200_000),
        (b"GET /", MEGABYTE),
        (b"POST /message HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", MEGABYTE),
        (b"POST /message HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 200_000),
        (b"POST /message HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;", MEGABYTE),
    ],
    ids=["one header", "headers", "a url", "one trailer", "trailers", "a chunk's extension"],
)
def test_sixty_megabytes_of_head(service: process.Served, begin: bytes, more: bytes) -> None:
    """Whoever goes on sending a head is cut off, and it is not kept in memory meanwhile."""
    before = _memory(service)
    with wire.dial(service) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(begin)
        for _ in range(60):
            connection.sendall(more)
        pytest.fail("60 MB were accepted")
    assert _memory(service) - before < 20 << 20


def _memory(service: process.Served) -> int:
    for line in Path(f"/proc/{service.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError


def test_pipelining(service: process.Served) -> None:
    """Requests that come in one write are answered one by one, in their order; a bad one ends the row."""
    sent = b""
    for text in ("first", "second", "third"):
        params = wire.message(Text=text)
        body = plivo_sdk.form(params).encode()
        headers = {**FORM, **plivo_sdk.headers("POST", URL, params), "content-length": str(len(body))}
        sent += wire.head("POST", "/message", headers) + body
    with wire.dial(service) as connection:
        connection.sendall(sent)
        stream = connection.makefile("rb")
        texts = [wire.text_of(_body(stream.readline, stream.read)) for _ in range(3)]
        assert texts == ["You said: first.", "You said: second.", "You said: third."]
        connection.sendall(wire.head("POST", "/message", {"content-length": "0"}) + b"\0\0\0\0\r\n\r\n")
        assert stream.readline().split()[1] in (b"403", b"400")


def _body(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> bytes:
    assert readline() == b"HTTP/1.1 200 OK\r\n"
    length = 0
    while line := readline().strip():
        name, _, value = line.partition(b": ")
        length = int(value) if name == b"content-length" else length
    return read(length)


@pytest.mark.parametrize(
    "sent",
    [
        b"\0" * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET /message HTTP/9.9\r\n\r\n",
        b"GET /mess\xc3\xa9ge HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_bad_request(service: process.Served, sent: bytes) -> None:
    """Other protocols get 400, or 404 where the parser makes sense of them."""
    assert wire.exchange(service, sent, "GET").status in (400, 404)


def test_who_hangs_up(service: process.Served) -> None:
    """A caller who goes away in the middle of anything leaves no trace but a line."""
    params = wire.message()
    body = plivo_sdk.form(params).encode()
    sent = (
        wire.head(
            "POST", "/message", {**FORM, **plivo_sdk.headers("POST", URL, params), "content-length": str(len(body))}
        )
        + body
    )
    for length in (0, 3, 40, len(sent) - len(body), len(sent) - 1, len(sent)):
        with wire.dial(service) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
            connection.sendall(sent[:length])


def test_a_hundred_slow_callers_hold_back_nobody(service: process.Served) -> None:
    """Heads that stay open cost a connection each, and no answer of anybody else."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(wire.dial(service))
            connection.sendall(b"POST /message HTTP/1.1\r\nx-slow: ")
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(wire.tell(service, wire.message())[0])) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [200] * 8
