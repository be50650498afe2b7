"""Whether the service answers below public_url, and what stands between."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.http_client import HttpClient, ReceivedResponse, RequestFailed
from app.operations.doctor.values import Check, error, ok, warning

TIMEOUT = 10.0  # seconds
CAP = 4096  # bytes of an answer
SLOW = 2.0  # seconds of /health; Plivo hangs up after 8
CLOCK_WARNING, CLOCK_ERROR = 30.0, 300.0  # seconds; receivers of Standard Webhooks refuse what is 5 minutes off

_OK, _NOT_FOUND = 200, 404
_REDIRECTS = range(300, 400)
_SHOWN = 100  # characters of a header
_CACHED = {"x-cache": ("hit",), "cf-cache-status": ("hit",), "age": tuple("123456789")}  # header -> how it begins


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of /health, and how many seconds it took."""

    answer: ReceivedResponse
    seconds: float


async def fetch_page(client: HttpClient, public_url: str) -> Page:
    """Fetch /health below public_url. Raises `RequestFailed`."""
    started = time.monotonic()
    answer = await client.request("GET", f"{public_url}/health", cap=CAP, timeout=TIMEOUT)
    return Page(answer, time.monotonic() - started)


def check_path(public_url: str, page: Page | RequestFailed) -> Check:
    """Report whether the service answers there. With an error nothing else can work."""
    url = f"{public_url}/health"
    if isinstance(page, RequestFailed):
        return error("path", f"{url} gives no answer: {page}", "is the proxy running, and does it reach the service?")
    status, healthy = page.answer.status, _healthy(page.answer)
    if status in _REDIRECTS:
        return error("path", f"{url} redirects (status {status}) to {_location(page.answer)}", REDIRECT)
    if healthy is True and status == _OK:
        return ok("path", f"{url} is answered by the service")
    if healthy is False:
        advice = "its log says what has ended; restart it"
        return error("path", f"{url} is answered by the service, which is not healthy", advice)
    if status == _NOT_FOUND:
        return error("path", f"{url} is not found (status {status})", _prefix_advice(public_url))
    what = f"{url} is not answered by the service, but by something else (status {status})"
    return error("path", what, "let the proxy forward this host and path to the service")


REDIRECT = (
    "set [server] public_url to the address that needs no redirect: signatures are made for the URL that Plivo calls, "
    "and a POST may not survive a redirect"
)


def check_answer(page: Page, now: float) -> Iterator[Check]:
    """Report what the headers and the time of an answer say about the way to the service."""
    headers = page.answer.headers
    named = {name: headers[name] for name in ("server", "via") if headers.get(name)}
    shown = ", ".join(f"{name} {value[:_SHOWN]}" for name, value in named.items())
    yield ok("proxy", f"there is a proxy in front ({shown})" if shown else "no header tells of a proxy in front")
    if cached := next(
        (name for name, words in _CACHED.items() if headers.get(name, "").lower().startswith(words)), None
    ):
        what = f"the answer came from a cache ({cached}: {headers[cached][:_SHOWN]})"
        yield error("cache", what, "turn caching off for this host: each message needs its own answer")
    if page.answer.compressed:
        what = "the proxy compresses answers, although nobody asked for it"
        yield warning("compression", what, "turn compression off for this host: Plivo may not unpack it")
    took = f"/health took {page.seconds:.2f} s"
    slow = page.seconds > SLOW
    yield (
        warning("time", took, "Plivo hangs up after 8 s: look at the proxy and the load") if slow else ok("time", took)
    )
    yield check_clock("clock", "the Date header of public_url", page.answer.date, now)


def check_clock(name: str, what: str, theirs: float | None, ours: float) -> Check:
    """Compare two clocks, in seconds since the epoch."""
    if theirs is None:
        return ok(name, f"{what} is missing, so the clock is not compared")
    off = ours - theirs
    message = f"this clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} {what}"
    advice = "run an NTP client: schedules, cooldowns and signatures of webhooks go by this clock"
    if abs(off) > CLOCK_WARNING:
        return error(name, message, advice) if abs(off) > CLOCK_ERROR else warning(name, message, advice)
    return ok(name, message)


def _healthy(answer: ReceivedResponse) -> Any:
    """What the service says of itself; None: it is not the service."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return found.get("healthy") if isinstance(found, dict) else None


def _location(answer: ReceivedResponse) -> str:
    return answer.headers.get("location", "an unknown place").partition("?")[0][:_SHOWN]


def _prefix_advice(public_url: str) -> str:
    if path := urlsplit(public_url).path:
        return f"let the proxy forward {path}/ to the service, with or without that prefix"
    return "let the proxy forward this host to the service; or is a path missing in public_url?"
