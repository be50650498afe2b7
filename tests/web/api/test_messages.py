"""Messages as callers of the API get them."""

import pytest
from support.api import Api
from support.stored import arrival, entry, submission

from app.operations.documents.history import message_document
from app.operations.messages import find_message
from app.plivo.messages import InboundMessage
from app.store import Store

ODD = "<script>alert(1)</script> \u202egnp.exe\u202c \x1b[31m \x00\x07 \u200b \U0001f44d\u200d \ufeff \"'&\\"


@pytest.fixture
def told(shared: Api) -> Api:
    """One for all that only read."""
    return shared


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["message-4", "message-3", "message-2", "message-1"]),
        ({"route": "bar"}, ["message-3"]),
        ({"rule": "ack"}, ["message-3", "message-1"]),
        ({"outcome": "pending"}, ["message-4"]),
        ({"outcome": "silent"}, ["message-2"]),
        ({"outcome": "delivered"}, ["message-1"]),
        ({"number": "+33612345672"}, ["message-2"]),
        ({"number": "06 12 34 56 72"}, ["message-2"]),
        ({"number": "+33644600001"}, ["message-2"]),
        ({"since": "2026-03-02T10:01:00+01:00", "until": "2026-03-02T09:02:00Z"}, ["message-2"]),
        ({"number": "+33799999999"}, []),
        ({"route": "<b>"}, []),
        ({"route": "' OR 1=1 --"}, []),
    ],
)
async def test_filters(told: Api, query: dict[str, str], expected: list[str]) -> None:
    """Newest first, in pages of any size."""
    for limit in (1, 2, 50):
        found = await told.items("/messages", limit=limit, **query)
        assert [one["message_uuid"] for one in found] == expected


async def test_a_plus_that_was_not_escaped(told: Api) -> None:
    """In a query it arrives as a blank, and is a plus all the same."""
    response = await told("GET", "/messages?number=+33612345672")
    assert [one["message_uuid"] for one in response.json()["items"]] == ["message-2"]


async def test_one_message(told: Api) -> None:
    """The document that `history --json` prints, by either MessageUUID."""
    stored = await find_message(told.store, "message-1")
    assert stored
    for uuid in ("message-1", "reply-1"):
        assert await told.get(f"/messages/{uuid}") == message_document(stored)
    found = await told.get("/messages/message-1")
    assert (found["from"], found["to"], found["calls"][0]["status"]) == ("+33612345671", "+33644600000", 200)
    states = {(each["target"], each["state"]) for one in found["reports"] for each in one["deliveries"]}
    assert states == {("audit", "dead"), ("sink", "due"), ("other", "done")}


@pytest.mark.parametrize("uuid", ["nobody", "%00", "%ff", "..%2F..", "+33612345671", "a" * 5000])
async def test_no_such_message(told: Api, uuid: str) -> None:
    """404, or what is wrong with the name."""
    assert (await told("GET", f"/messages/{uuid}")).status_code in (400, 404)


@pytest.mark.parametrize("cursor", ["x", "0", "bWVzc2FnZXM6", "ZGVsaXZlcmllczo0Mg", "'", "a" * 1000])
async def test_cursors_of_strangers(told: Api, cursor: str) -> None:
    """422, with what a cursor is."""
    problem = await told.get("/messages", 422, cursor=cursor)
    assert "no such cursor" in problem["detail"]


async def test_odd_texts_survive(api: Api) -> None:
    """HTML, bidi and control characters are those that came, once the JSON is read; none of them is sent raw."""
    await _store(api.store, ODD)
    response = await api("GET", "/messages")
    assert response.json()["items"][1]["text"] == ODD
    assert response.headers["content-type"] == "application/json"
    assert not {"\u202e", "\x1b", "\x07", "\u200b", "\ufeff"} & set(response.text)
    assert "\U0001f44d" in response.text


async def _store(store: Store, text: str) -> None:
    came = arrival()
    message = InboundMessage.of("message-1", "33612345671", "33644600000", text)
    object.__setattr__(came, "message", message)
    await store.journal.record(submission(came))
    await store.journal.record(entry("message-0"))


async def test_a_number_that_is_none(told: Api) -> None:
    """422 with what to write."""
    problem = await told.get("/messages", 422, number="what happened?")
    assert "not a phone number" in problem["detail"]
