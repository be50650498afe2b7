"""The phone as a browser without JavaScript has it: what-if as anybody, live as a test sender, and nobody else."""

import base64
import json
import re
from urllib.parse import urlencode

import pytest
from support import console
from support.console import House, Page, read

TESTER, CUSTOMER, SHOP = "+33600000001", "+33700000009", "+33644600000"
PHONE = "/console/phone"


def _conversation(page: Page) -> str:
    found = re.search(r'name="conversation" value="([^"]*)"', page.source)
    assert found
    return found[1]


async def _say(house: House, page: Page, text: str, **fields: str) -> Page:
    """The next message in the conversation of a page."""
    said = {"to": SHOP, "from": CUSTOMER, "conversation": _conversation(page), "text": text, **fields}
    return read(await house.browser.post(PHONE, data={"form_token": page.form_token, **said}))


async def test_conversation_goes_on_from_page_to_page(house: House) -> None:
    """The form carries it; each bubble has its units and reasons; earlier messages count; nothing is stored."""
    page = await house.page(PHONE)
    for text in ("Hours?", "hello", "hello again", "STOP", "more"):
        page = await _say(house, page, text, at="2026-03-02T10:00")
    assert page.status == 200
    assert page.source.count('<li class="turn"') == 5
    assert "characters in UCS-2 because of U+201C left double quotation mark" in page.text
    assert page.source.count('<mark class="costly"') == 2
    assert "menu answered: keyword 'HOURS'" in page.text
    assert "ack answered: cooldown: this sender already got this answer" in page.text
    assert page.text.count("Silence: this person has opted out") == 1
    assert "&lt;Response&gt;" in page.source
    assert "2 Mar 10:00:00" in page.text
    back = await _say(house, page, "", undo="yes")
    assert back.source.count('<li class="turn"') == 4
    assert "No messages yet" in (await house.page("/console/")).text


async def test_link_asks_at_once(house: House) -> None:
    """As the page of a message links to it: the answer is there, and the conversation can go on."""
    query = urlencode({"to": SHOP, "from": CUSTOMER, "text": "hours"})
    page = await house.page(f"{PHONE}?{query}")
    assert "Open Mon-Fri 9:00-18:00." in page.text
    assert (await _say(house, page, "hello")).source.count('<li class="turn"') == 2


async def test_what_the_store_knows_counts_if_it_is_asked_for(house: House) -> None:
    """The opt-out of a real person."""
    await house.text("STOP", From=CUSTOMER.strip("+"))
    page = await house.page(PHONE)
    assert "this person has opted out" in (await _say(house, page, "hello", known="on")).text
    assert "Thanks, we got your message." in (await _say(house, page, "hello")).text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"text": " "}, "write a text first"),
        ({"from": ""}, "''"),
        ({"to": "nobody"}, "'nobody'"),
        ({"at": "yesterday"}, "'yesterday' is no time"),
        ({"at": "9999-01-01T00:00"}, "between the years 2000 and 2100"),
        ({"text": "x" * 100_000}, "the text has 100,000 characters; Plivo takes at most 1,600"),
        ({"given-menu": "x"}, "no rule of this name calls out"),
    ],
)
async def test_what_cannot_be_is_said_and_the_conversation_stays(
    house: House, fields: dict[str, str], fault: str
) -> None:
    """The fault stands beside the text, which is not lost."""
    page = await _say(house, await house.page(PHONE), "hours")
    answer = await _say(house, page, **{"text": "keep me", **fields})
    assert answer.status == 422
    assert fault in answer.text
    assert answer.source.count('<li class="turn"') == 1
    assert "text" in fields or "keep me" in answer.text


def _forged(*rows: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(rows).encode()).decode()


ROW = {"sender": "33700000009", "to": "33644600000", "text": "hi", "at": 1_772_445_600.0, "given": {}}


@pytest.mark.parametrize(
    "conversation",
    [
        "x",
        "é",
        "AAAA",
        _forged({}),
        _forged(1),
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        _forged(ROW | {"more": 1}),
        _forged(ROW | {"text": None}),
        _forged(ROW | {"text": "\ud800"}),
        _forged(ROW | {"to": "1" * 100}),
        _forged(ROW | {"at": "now"}),
        _forged(ROW | {"at": float("nan")}),
        _forged(ROW | {"at": 1e300}),
        _forged(ROW | {"given": {"x": 1}}),
        _forged(ROW | {"given": []}),
        _forged(*[ROW | {"text": "x" * 1600}] * 30),
    ],
)
async def test_forged_conversation_is_refused(house: House, conversation: str) -> None:
    """It begins anew, with a sentence; no page breaks."""
    page = await _say(house, await house.page(PHONE), "hello", conversation=conversation)
    assert page.status == 422
    assert page.source.count("<script") == 1
    assert "Write below" in page.text


async def test_strangers_characters_are_shown_as_text(house: House) -> None:
    """Markup, bidi and control characters, in the text and in the number."""
    evil = "<script>alert(1)</script>\u202e\x1b[31m{{ 7*7 }}\x00"
    page = await _say(house, await house.page(PHONE), evil, **{"from": "<b>EVIL"})
    assert page.status == 200
    assert "<script>alert" not in page.source
    assert "{{ 7*7 }}" in page.text
    assert not {"\u202e", "\x1b", "\x00"} & set(page.source)
    assert (await _say(house, page, "hello")).source.count('<li class="turn"') == 2


async def test_live_as_a_test_sender(house: House) -> None:
    """The message is stored; the page shows the stored conversation, also after a reload."""
    page = await house.page(f"{PHONE}?mode=live")
    assert TESTER in page.source
    said = {"form_token": page.form_token, "mode": "live", "to": SHOP, "from": TESTER, "text": "Hours?"}
    answer = await house.browser.post(PHONE, data=said)
    assert answer.status_code == 303
    shown = await house.page(answer.headers["location"].partition("#")[0])
    assert "Open Mon-Fri 9:00-18:00." in shown.text
    assert any(link.startswith("/console/messages/") for link in shown.links)
    assert "Hours?" in (await house.page("/console/")).text


async def test_live_as_a_customer_is_refused(house: House) -> None:
    """G9: START of somebody who said STOP is neither sent nor stored."""
    await house.text("STOP", From=CUSTOMER.strip("+"))
    page = await house.page(f"{PHONE}?mode=live")
    said = {"form_token": page.form_token, "mode": "live", "to": SHOP, "from": CUSTOMER, "text": "START"}
    answer = read(await house.browser.post(PHONE, data=said))
    assert answer.status == 422
    assert f"{CUSTOMER} is not in [admin] test_senders" in answer.text
    seen = await house.page(f"{PHONE}?{urlencode({'mode': 'live', 'from': CUSTOMER, 'to': SHOP})}")
    assert "STOP to one" not in seen.text
    assert "is not in [admin] test_senders" in seen.text
    person = await house.page(f"/console/people/{CUSTOMER}")
    assert "START" not in person.text.replace("START to resume", "")


async def test_nobody_texts_from_elsewhere(house: House) -> None:
    """Without a session, from another site, without the token of the form: nothing is sent."""
    said = {"mode": "live", "to": SHOP, "from": TESTER, "text": "Hours?"}
    assert (await house.browser.post(PHONE, data=said)).status_code == 403
    token = {"form_token": (await house.page(PHONE)).form_token}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example.com"}):
        assert (await house.browser.post(PHONE, data=said | token, headers=headers)).status_code == 403
    async with console.browser(house.admin) as stranger:
        assert (await stranger.post(PHONE, data=said | token)).status_code == 401
        assert (await stranger.get(PHONE)).status_code == 303
    assert "No messages yet" in (await house.page("/console/")).text
