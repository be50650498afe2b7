"""One POST: whatever happens is an outcome, with how the body of the response began."""

import time

import httpx
import pytest
from support.stored import content

from app.delivery.posting import EXCERPT_BYTES, Poster
from app.delivery.queue import Delivery
from app.delivery.retry import AttemptOutcome
from app.delivery.target import Target
from app.http_client import HttpClient

DELIVERY = Delivery(1, "lease", 1, False, content())
CRM = Target("crm", "https://crm.example.com/hook")


async def post(response: httpx.Response) -> AttemptOutcome:
    """The outcome of a POST that gets this response."""
    transport = httpx.MockTransport(lambda _request: response)
    client = HttpClient(connections=1, user_agent="test", transport=transport)
    try:
        return await Poster(CRM, client, time.time).post(DELIVERY)
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", None),
        (b"no such contact", "no such contact"),
        ('{"fehler": "gew\u00e4hlt"}'.encode(), '{"fehler": "gew\u00e4hlt"}'),
        (b"x" * 4000, "x" * EXCERPT_BYTES),
        (b"\xff\x1b\n", "\\xff\x1b\n"),  # other control characters are escaped where they are shown
        (b"a\0b", "a\\x00b"),  # PostgreSQL stores no NUL
        ("é".encode() * 400, "é" * (EXCERPT_BYTES // 2)),
    ],
)
async def test_how_the_response_began(body: bytes, kept: str | None) -> None:
    """The first 500 bytes as text; what is no UTF-8 is escaped."""
    outcome = await post(httpx.Response(500, stream=httpx.ByteStream(body)))
    assert (outcome.status, outcome.error, outcome.response) == (500, "status 500", kept)


async def test_of_a_delivery_that_was_accepted_too() -> None:
    """What a target answered to a report that it took may explain what it did with it."""
    outcome = await post(httpx.Response(202, stream=httpx.ByteStream(b"queued as 17")))
    assert (outcome.accepted, outcome.error, outcome.response) == (True, None, "queued as 17")


async def test_a_packed_body_is_not_kept() -> None:
    """Nobody can read it."""
    packed = httpx.Response(500, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8b\0"))
    assert (await post(packed)).response == (
        "(not shown: the body has a Content-Encoding, although none was asked for)"
    )
