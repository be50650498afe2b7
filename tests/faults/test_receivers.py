"""G4, G6 and G7 from outside: targets and webhooks that misbehave, each beside all the others and healthy ones."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import misbehaving, plivo_sdk, process, receiver, wire
from support.misbehaving import Misbehaving, Talk, ok, saying

LATE = ("no answer within 1 s", "no answer within its timeout of 1 s")  # of a delivery, of a webhook
BROKE = (
    "the receiver closed the connection or does not speak HTTP",
    "the connection failed",  # if it closes early
)
NO_TEXT = "webhook: no content type"
TOO_MUCH = "webhook: a response of over 16384 bytes"
Said = tuple[str, ...]
ACCEPTED: Said = ()

# What it does; how a delivery to it ends: accepted, or put off with one of these words; what is said of such a webhook,
# or accepted, if the next rule is asked.
TALKS: dict[str, tuple[Talk, Said, Said]] = {
    "hangs": (misbehaving.hang, LATE, LATE),
    "drips-a-head": (misbehaving.drip_head, ACCEPTED, LATE),
    "drips-a-body": (misbehaving.drip_body, ACCEPTED, LATE),
    "endless-hints": (misbehaving.endless_hints, LATE, LATE),
    "endless-chunk": (misbehaving.endless_chunk, ACCEPTED, LATE),
    "endless-headers": (misbehaving.endless_headers, ACCEPTED, BROKE),
    "long-header": (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n"), ACCEPTED, BROKE),
    "resets": (misbehaving.reset, BROKE, BROKE),
    "hangs-up": (misbehaving.hang_up, BROKE, BROKE),
    "cuts": (saying(ok(b"half", "Content-Length: 100")), ACCEPTED, BROKE),
    "cuts-a-head": (saying(b"HTTP/1.1 200 OK\r\nContent-Le"), ACCEPTED, BROKE),
    "cuts-a-chunk": (saying(ok(b"64\r\nhalf", "Transfer-Encoding: chunked")), ACCEPTED, BROKE),
    "speaks-smtp": (saying(b"220 mail.example ESMTP\r\n"), BROKE, BROKE),
    "says-noise": (saying(bytes(range(256)) * 20), BROKE, BROKE),
    "two-lengths": (saying(ok(b"hello", "Content-Length: 5", "Content-Length: 6")), ACCEPTED, BROKE),
    "no-length": (saying(ok(b"hello", "Content-Length: -5")), ACCEPTED, BROKE),
    "says-more": (saying(ok(b"hello", "Content-Length: 2") + b"HTTP/1.1 200 OK\r\n"), ACCEPTED, BROKE),
    "resets-after-its-status": (misbehaving.reset_after_status, ACCEPTED, BROKE),
    "cuts-its-status": (saying(b"HTTP/1.1 200 OK"), BROKE, BROKE),
    "http-9": (saying(b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n"), BROKE, BROKE),
    "status-999": (saying(b"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n"), ("status 999",), ("webhook: status 999",)),
    "a-gigabyte": (misbehaving.a_gigabyte, ACCEPTED, (TOO_MUCH,)),
    "bomb": (saying(misbehaving.bomb()), ACCEPTED, (TOO_MUCH,)),
    "204-with-a-body": (saying(b"HTTP/1.1 204 x\r\nContent-Length: 4\r\n\r\nnull"), ACCEPTED, ACCEPTED),
    "204-with-chunks": (saying(b"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n"), ACCEPTED, ACCEPTED),
    "204-with-a-long-header": (saying(b"HTTP/1.1 204 x\r\nX: " + b"y" * 100_000), ACCEPTED, ACCEPTED),
    "204-with-noise": (saying(b"HTTP/1.1 204 x\r\n" + bytes(range(256))), ACCEPTED, ACCEPTED),
    "continues": (saying(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + ok(b"hello")), ACCEPTED, (NO_TEXT,)),
    "until-it-closes": (saying(ok(b"hello", "Connection: close")), ACCEPTED, (NO_TEXT,)),
}
REDIRECTS = "redirects"  # to one that must get nothing; made when that one has its port
NAMES = (*TALKS, REDIRECTS)
HEALTHY = 30  # reports of the healthy target, and texts of the healthy route, while all that goes on
PATIENCE = 25.0  # seconds for them; if each waited for one of the others, which have a second, it would be 30
READ = 16_000_000  # bytes that the buffers of a connection on loopback may swallow
GROWTH = 40_000  # kilobytes; each of them alone has more to say

GOOD = (
    process.HEAD
    + """
[[routes]]
name = "plain"
to = "*"
text = "Thanks, we got your message."
[targets.healthy]
url = "%s"
"""
)
BAD = """
[targets.{name}]
url = "{url}"
statuses = ["failed"]
timeout = "1s"
retry = "1h"
[[routes]]
name = "{name}"
to = "{number}"
webhook = "{url}"
timeout = "1s"
targets = []
"""


@dataclass
class Seen:
    """What one report, a message to each webhook, and the healthy ones beside them came to."""

    deliveries: dict[str, dict[str, Any]]  # by target
    texts: dict[str, int]  # by route, the status that Plivo heard
    failures: dict[str, str]  # by route, what the log says of its rule
    asked: dict[str, Misbehaving]
    elsewhere: int  # posts to whom nobody told to post to
    seconds: float  # until the healthy target and the healthy route had all
    growth: int  # kilobytes of memory


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """All of them at once, on one service."""
    folder = tmp_path_factory.mktemp("receivers")
    with receiver.receiving() as healthy, receiver.receiving() as elsewhere, ExitStack() as stack:
        head = f"HTTP/1.1 307 x\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        talks = {name: talk for name, (talk, _, _) in TALKS.items()} | {REDIRECTS: saying(head.encode())}
        asked = {name: stack.enter_context(misbehaving.misbehaving(talk)) for name, talk in talks.items()}
        bad = [BAD.format(name=name, url=asked[name].url, number=_number(name)) for name in NAMES]
        with process.served(folder, "".join([GOOD % healthy.url, *bad])) as service:
            before = _memory(service)
            texts, seconds = _play(service, healthy)
            bad_ends = sum(name == REDIRECTS or TALKS[name][1] != ACCEPTED for name in NAMES)
            service.wait_for("delivery rescheduled", bad_ends)
            failing = sum(name == REDIRECTS or TALKS[name][2] != ACCEPTED for name in NAMES)
            failures = {line["route"]: line["reason"] for line in service.wait_for("rule failed", failing)}
            growth = _memory(service) - before
        done = process.run("deliveries", "list", "--json", "--limit", "1000", cwd=folder)
        rows = {row["target"]: row for row in json.loads(done.stdout) if row["target"] != "healthy"}
        yield Seen(rows, texts, failures, asked, len(elsewhere.received), seconds, growth)


def _play(service: process.Served, healthy: receiver.Receiver) -> tuple[dict[str, int], float]:
    """One report that all want; a message to each webhook; and those that only healthy ones get."""
    with ThreadPoolExecutor(len(NAMES) + 1) as pool:
        assert wire.tell(service, plivo_sdk.report(Status="failed"), "/report")[0] == 200
        calls = {name: pool.submit(wire.tell, service, wire.message(To=_number(name))) for name in NAMES}
        started = time.monotonic()
        for _ in range(HEALTHY):
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            assert wire.tell(service, wire.message())[0] == 200
        healthy.wait_for(lambda received: len(received) == HEALTHY + 1)
        seconds = time.monotonic() - started
        return {name: call.result()[0] for name, call in calls.items()}, seconds


def _number(name: str) -> str:
    return str(33_644_700_000 + NAMES.index(name))


def _memory(service: process.Served) -> int:
    """The most that it ever held, in kilobytes."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_delivery_to_it(seen: Seen, name: str) -> None:
    """A 2xx is done, whatever follows its status line; anything else is tried again later, and the error says why."""
    row = seen.deliveries[name]
    said = ("status 307",) if name == REDIRECTS else TALKS[name][1]
    assert (row["state"], row["attempts"]) == ("done" if said == ACCEPTED else "due", 1)
    assert str(row["error"] or "").startswith(said or ("",))
    assert row["error"] is None or said


@pytest.mark.parametrize("name", NAMES)
def test_a_message_to_it(seen: Seen, name: str) -> None:
    """A 204 passes, whatever follows it; else the rule fails with a reason, and Plivo hears 503 and calls again."""
    said = ("webhook: status 307",) if name == REDIRECTS else TALKS[name][2]
    assert seen.failures.get(name, "").startswith(said or "")
    assert (seen.texts[name], name in seen.failures) == ((503, True) if said else (200, False))


def test_it_is_asked_once_by_each(seen: Seen) -> None:
    """One attempt a delivery and one a message: no client of ours asks again behind our back."""
    assert {name: one.asked for name, one in seen.asked.items()} == dict.fromkeys(NAMES, 2)


def test_a_redirect_leads_nowhere(seen: Seen) -> None:
    """What is posted goes where the config says."""
    assert seen.elsewhere == 0


def test_no_gigabyte_is_read(seen: Seen) -> None:
    """A receiver that says too much is left at the cap, and none of them takes our memory."""
    assert sum(seen.asked["a-gigabyte"].sent) < READ
    assert seen.growth < GROWTH


def test_the_healthy_get_theirs_meanwhile(seen: Seen) -> None:
    """G7: neither the healthy target nor the replies wait for any of them."""
    assert seen.seconds < PATIENCE
