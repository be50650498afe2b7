"""The state of the service, explanations and reloads, as callers of the API get them."""

from typing import Any

import pytest
from support.api import Api, refused_file

from app.operations.reload import ReloadResult

ASK = {"to": "+33644600000", "from": "+33612345671"}


async def test_status(told: Api) -> None:
    """What `status --json` prints."""
    found = await told.get("/status")
    assert found["pending"] == 1
    assert "target audit: 1 delivery is dead; see: deliveries list --state dead" in found["problems"]


@pytest.mark.parametrize(
    ("more", "rule", "text"),
    [
        ({"text": "Hours?"}, "hours", "Open Mon-Fri 9:00-18:00."),
        ({"text": "hello"}, "ack", "Thanks, we got your message."),
        ({}, "ack", "Thanks, we got your message."),
        ({"text": "hello", "given": {"bot": "Hi."}}, "bot", "Hi."),
        ({"text": "hello", "given": {"bot": "pass"}}, "ack", "Thanks, we got your message."),
        ({"text": "hours", "from": "06 12 34 56 71", "at": "2026-03-02T10:00:00+01:00"}, "hours", None),
        ({"text": "<b>\u202e\x07", "type": "mms"}, "ack", None),
    ],
)
async def test_explain(api: Api, more: dict[str, Any], rule: str, text: str | None) -> None:
    """Who would answer what, and why; nothing is stored and nothing is called."""
    found = await api.post("/explain", ASK | more)
    assert (found["route"], found["rule"], found["failed"]) == ("shop", rule, False)
    assert text in (None, found["messages"][0]["text"])
    assert await api.items("/messages") == []


async def test_explain_of_no_route(api: Api) -> None:
    """A number of nobody's: silence, with the reason."""
    found = await api.post("/explain", ASK | {"to": "+33699999999"})
    assert (found["route"], found["messages"]) == (None, [])
    assert "route" in found["reason"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"to": "what happened?"}, "'what happened?'"),
        ({"from": "+33"}, "'+33'"),
        ({"given": {"bott": "Hi."}}, 'did you mean "bot"?'),
        ({"given": {"ack": "Hi."}}, "no rule of this name calls out"),
    ],
)
async def test_explanations_that_are_refused(api: Api, more: dict[str, Any], words: str) -> None:
    """With what to write instead."""
    assert words in (await api.post("/explain", ASK | more, 422))["detail"]


async def test_reload(api: Api) -> None:
    """The version in force and what needs a restart; or every error of the file."""
    api.results += [refused_file(), ReloadResult("c0ffee", ("admin",))]
    assert await api.post("/reload") == {"config": "c0ffee", "needs_restart": ["admin"]}
    problem = await api.post("/reload", None, 422)
    assert problem["errors"] == [
        {"file": "config.toml", "line": 3, "column": None, "key": "rules.x", "message": 'unknown key "txt"'}
    ]


async def test_a_large_unread_body(api: Api) -> None:
    """Of a call that takes none, nothing is read."""
    api.results.append(ReloadResult("c0ffee"))
    assert (await api("POST", "/reload", content=b"x" * 1_000_000)).status_code == 200
