"""G7: somebody without a token harms neither replies nor memory nor disk, whatever is sent and however often."""

import contextlib
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import plivo_sdk, process, scrape, wire

MIB = 1 << 20
SIGNED_SECONDS = 8.0  # that a signed message may take meanwhile: then Plivo hangs up
ATTACK_SECONDS = 1.2
MANY = 1_500  # connections; the service keeps 1,000

TOKENS = ", ".join(['{ env = "PLIVO_AUTH_TOKEN" }', *(f'"another-token-{number}"' for number in range(19))])
CONFIG = process.MINIMAL.replace('{ env = "PLIVO_AUTH_TOKEN" }', f"[{TOKENS}]") + scrape.ADMIN

FORM = {"content-type": "application/x-www-form-urlencoded"}
NO_SIGNATURE_OF_OURS = "bm90IG91cnM" * 3 + "bm90IG91cn="
FORGED = {"x-plivo-signature-v3": NO_SIGNATURE_OF_OURS, "x-plivo-signature-v3-nonce": "1"}
TINY_LINES = "".join(f"{number}:\r\n" for number in range(90)).encode()


@pytest.fixture(scope="module", autouse=True)
def _descriptors() -> Iterator[None]:
    """This process holds the other end of some thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Served]:
    """One service with twenty tokens that all of this is thrown at; it has answered before."""
    with process.served(tmp_path_factory.mktemp("stranger"), CONFIG) as service:
        for _ in range(20):
            assert wire.tell(service, wire.message())[0] == 200
        yield service


@pytest.fixture
def service(running: process.Served) -> Iterator[process.Served]:
    """Afterwards it is as large as before, and its log has not grown by more than 1 MiB a minute."""
    memory, told, begun = _memory(running), _told(running), time.monotonic()
    yield running
    seconds = time.monotonic() - begun
    assert _memory(running) - memory < 64 * MIB
    assert _told(running) - told < MIB * (seconds + 1) / 60
    assert [line for line in running.lines() if line["level"] in ("error", "critical")] == []


def _told(service: process.Served) -> int:
    """Bytes of its log, but for what it says of messages that were answered."""
    return sum(len(line) for line in service.text().splitlines() if '"event":"answered"' not in line)


def _memory(service: process.Served) -> int:
    for line in Path(f"/proc/{service.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError


def _signed_calls(service: process.Served, count: int = 1) -> None:
    """Signed messages, on new connections, are answered in time."""
    for _ in range(count):
        begun = time.monotonic()
        assert wire.tell(service, wire.message())[0] == 200
        assert time.monotonic() - begun < SIGNED_SECONDS


@contextlib.contextmanager
def _attacked(attack: Iterator[None]) -> Iterator[Callable[[], bool]]:
    """Goes through this in a thread, to its end; gives a function that tells whether it goes on."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in attack:
                pass
        except BaseException as failure:  # noqa: BLE001 - told in the test
            failures.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread.is_alive
    finally:
        thread.join()
    assert failures == []


def _for_a_while() -> Iterator[None]:
    until = time.monotonic() + ATTACK_SECONDS
    while time.monotonic() < until:
        yield


def _request(headers: dict[str, str], path: str = "/message", body: bytes = b"") -> bytes:
    return wire.head("POST", path, {**FORM, **headers, "content-length": str(len(body))}) + body


MESSAGE = plivo_sdk.form(plivo_sdk.message()).encode()
LONG_LIST = ",".join([NO_SIGNATURE_OF_OURS] * 340)
FIELDS = plivo_sdk.form([*plivo_sdk.message(), *((f"Field{number}", "x" * 40) for number in range(900))]).encode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (_request({**FORGED, "x-plivo-signature-ma-v3": LONG_LIST}, body=MESSAGE), 403),
        (_request({**FORGED, "x-plivo-signature-v3": "," * 31_000}, body=MESSAGE), 403),
        (_request({**FORGED, "x-plivo-signature-ma-v3": LONG_LIST}, body=FIELDS), 403),
        (_request({**FORGED, "content-type": FORM["content-type"] + ";" * 31_000}, body=MESSAGE), 415),
        (_request({**FORGED, "content-type": "\x01\xff" * 15_000}, body=MESSAGE), 400),
        (_request({**FORGED, "content-type": "\xff" * 31_000}, body=MESSAGE), 415),
        (_request(FORGED, "/" + "x" * 31_000), 404),
        (_request({}, "//message"), 404),
        (_request({}), 403),
        (_request(FORGED, body=b"%"), 400),
        (b"\0" * 1_000, 400),
        (wire.head("GET", "/message", {"connection": "upgrade", "upgrade": "websocket"}), 403),
    ],
    ids=[
        "a list of signatures",
        "a list of nothing",
        "a list and a thousand fields",
        "a content type of semicolons",
        "a content type of control characters",
        "a content type of escapes",
        "a path of 31 KB with a signature",
        "a wrong path",
        "no signature",
        "a broken form",
        "no HTTP",
        "an upgrade",
    ],
)
def test_requests_without_a_token(service: process.Served, sent: bytes, status: int) -> None:
    """Dear requests, one after the other as fast as they are refused, hold up nobody and leave a few lines a second."""
    assert wire.exchange(service, sent).status == status

    with _attacked(None for _ in _for_a_while() if wire.exchange(service, sent).status != status) as goes_on:
        while goes_on():
            _signed_calls(service)


def test_who_hangs_up_while_sending(service: process.Served) -> None:
    """Callers that are gone before their body is in leave a few lines a second, too."""
    sent = wire.head("POST", "/message", {**FORM, **FORGED, "content-length": "100"})

    def hang_up() -> Iterator[None]:
        for number, _ in enumerate(_for_a_while()):
            with wire.dial(service) as connection:
                connection.sendall(sent)
            _concurrency(number)
            yield

    with _attacked(hang_up()) as goes_on:
        while goes_on():
            _signed_calls(service)


HEAD = b"POST /message HTTP/1.1\r\nhost: a\r\n"
UNFINISHED: dict[str, bytes] = {
    "silent sockets": b"",
    "heads of many tiny lines": HEAD + TINY_LINES,
    "heads of one long line": HEAD + b"x: " + b"y" * 31_000,
    "bodies": wire.head("POST", "/message", {**FORM, **FORGED, "content-length": "65000"}) + b"x" * 30_000,
    "bodies in chunks": wire.head("POST", "/message", {**FORM, **FORGED, "transfer-encoding": "chunked"}),
}


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
def test_thousands_of_requests_that_never_end(service: process.Served, sent: bytes) -> None:
    """Connections that wait for the rest of a request make room for whole requests, and hold little together."""
    before = _dropped(service)
    with contextlib.ExitStack() as stack:
        with _attacked(_open_many(stack, service, sent)) as goes_on:
            while goes_on():
                _signed_calls(service)
        _signed_calls(service, 5)
        assert scrape.scraped(service)["process_open_fds", frozenset()] < 1_200
    assert _dropped(service) - before > MANY - 1_010
    service.wait_for("connections closed at a limit", 1)


def _dropped(service: process.Served) -> float:
    """Connections that made room for others."""
    found = scrape.scraped(service)
    reasons = ("connections", "held_bytes")
    return sum(scrape.value(found, "connections_dropped_total", reason=reason) for reason in reasons)


def _open_many(stack: contextlib.ExitStack, service: process.Served, sent: bytes) -> Iterator[None]:
    for number in range(MANY):
        _open(stack, service, sent)
        _concurrency(number)
        yield


def _concurrency(number: int) -> None:
    """Five hundred connections a second: with far more, it is a matter of whose processor is faster."""
    if number % 25 == 0:
        time.sleep(0.05)


def _open(stack: contextlib.ExitStack, service: process.Served, sent: bytes) -> None:
    connection = stack.enter_context(wire.dial(service))
    with contextlib.suppress(ConnectionError):  # it may have been closed for a younger one
        connection.sendall(sent)


def test_answers_that_nobody_takes(service: process.Served) -> None:
    """Who asks and asks, and reads nothing, is kept waiting, and makes room."""
    with contextlib.ExitStack() as stack:

        def flood() -> Iterator[None]:
            for _ in _for_a_while():
                connection = stack.enter_context(wire.dial(service))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
                connection.settimeout(0.05)
                with contextlib.suppress(OSError):
                    for _ in range(100):
                        connection.sendall(wire.head("GET", "/message", {"x": "y" * 1_000}) * 50)
                yield

        with _attacked(flood()) as goes_on:
            while goes_on():
                _signed_calls(service)


def test_a_connection_that_carried_a_signed_call_is_kept(service: process.Served) -> None:
    """A proxy's idle connection outlives thousands of connections of strangers."""
    with wire.dial(service) as proven, contextlib.ExitStack() as stack:
        proven.sendall(wire.signed("/message", wire.message()))
        assert wire.read(proven).status == 200
        for _ in range(1_500):
            _open(stack, service, HEAD)
        proven.sendall(wire.signed("/message", wire.message()))
        assert wire.read(proven).status == 200


FEW = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
os.execv(sys.executable, [sys.executable, "-m", "app", *sys.argv[1:]])
"""


def test_few_descriptors(tmp_path: Path) -> None:
    """Where the system gives few file descriptors, fewer connections are taken, a line says so, and none is reset."""
    with process.served(tmp_path, CONFIG, command=(sys.executable, "-c", FEW)) as service:
        (line,) = service.wait_for("too few file descriptors", 1)
        assert (line["descriptors"], line["connections"], line["wanted"]) == (256, 64, 1_000)
        with contextlib.ExitStack() as stack:
            for _ in range(500):
                _open(stack, service, b"")
            _signed_calls(service, 10)


def test_soft_limit_of_descriptors_is_raised(tmp_path: Path) -> None:
    """A soft limit that is lower than the hard one costs nothing."""
    soft = FEW.replace("(256, 256)", "(256, resource.getrlimit(resource.RLIMIT_NOFILE)[1])")
    with process.served(tmp_path, CONFIG, command=(sys.executable, "-c", soft)) as service:
        (line,) = service.wait_for("listening", 1)
        assert line["connections"] == 1_000
