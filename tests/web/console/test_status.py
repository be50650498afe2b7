"""The status page: problems first, each with what helps; charts of what the store holds."""

import asyncio
import time

import pytest
import sqlalchemy as sa
from support import troubled
from support.console import House
from support.stored import HELLO, arrival, submission


async def test_nothing_is_wrong(house: House) -> None:
    """A fresh service says so, and each chart says what will appear in it."""
    patience = time.monotonic() + 60
    page = await house.page("/console/status")
    while "no server is running" in page.text and time.monotonic() < patience:
        await asyncio.sleep(0.02)  # the service writes its row as soon as it runs
        page = await house.page("/console/status")
    assert (page.status, "No problems" in page.text) == (200, True), page.text
    for said in (
        "No messages in this hour yet. They appear here as soon as Plivo calls the service.",
        "No message of this hour was left without an answer by decision.",
        "Nothing was posted to a target in this hour.",
        "No delivery died in this hour.",
    ):
        assert said in page.text
    assert 'role="img"' not in page.source


async def test_each_problem_has_what_helps(house: House) -> None:
    """A sentence, and a link to the page or the command; those of a target lead to that target."""
    await troubled.trouble(house.service.store)
    page = await house.page("/console/status")
    for said, link in (
        ("web-2.internal: the last reload failed at config.toml:12", "plivo-autoreply check"),
        ("target erp fails, so only single attempts are made; 3 deliveries are due", "/console/targets?name=erp"),
        ("target warehouse is paused by an operator", "/console/targets?name=warehouse"),
        ("target erp: 3 deliveries are dead", "/console/deliveries?target=erp"),
        ("17 calls were refused in the last hour: 14 forged, 3 unsigned", "#refused"),
        ("2 configurations are in force on", "#servers"),
    ):
        assert said in page.text
        assert link in page.links or link in page.text
    assert page.text.index("target erp fails") < page.text.index("target erp: 3 deliveries are dead")
    assert "http://sms.example.com/message would match" in page.text


async def test_charts_show_what_the_store_holds(house: House) -> None:
    """The legend and the table have the sums; a screen reader hears them in a sentence."""
    await troubled.trouble(house.service.store)
    page = await house.page("/console/status?span=day")
    assert "The last day" in page.text
    for name, count in (("answered", 90), ("silent by decision", 9), ("accepted", 0), ("failed", 12)):
        assert (f"{name} <strong>{count}</strong>" in page.source) == bool(count)
    for kind, count in (("every rule passed", 6), ("limit", 2), ("no route", 1)):
        assert f"<span>{kind} <strong>{count}</strong></span>" in page.source
    assert "99 messages, 90 answered, 9 silent by decision" in page.source
    assert "<caption" in page.source


@pytest.mark.parametrize("span", ["hour", "day", "week"])
async def test_spans_are_links(house: House, span: str) -> None:
    """The one that is shown is marked as current."""
    page = await house.page(f"/console/status?span={span}")
    assert f'<a href="?span={span}#h-charts" aria-current="page">' in page.source
    assert {f"?span={one}#h-charts" for one in ("hour", "day", "week")} <= set(page.links)


async def test_a_span_that_is_none(house: House) -> None:
    """Whatever else is asked for is the hour."""
    assert "The last hour" in (await house.page("/console/status?span=%3Cb%3Eyear")).text


async def test_test_senders_are_in_no_chart(house: House) -> None:
    """A message of `[admin] test_senders` is no customer's."""
    await house.text("Hours", From="33600000001")
    await house.text("Hours", From="33700000001")
    assert "1 message, 1 answered" in (await house.page("/console/status")).source


async def test_hostile_texts_harm_no_page(house: House) -> None:
    """Advice that quotes what a stranger sent, answers of receivers: all is text, and what would hide is named."""
    await troubled.trouble(house.service.store)
    for path in ("status", "targets", "deliveries", "deliveries?state=any"):
        page = await house.page(f"/console/{path}")
        assert page.status == 200
        assert "<script>alert" not in page.source
        assert "<b>" not in page.source
        assert not any(character in page.source for character in "\u202e\u202c\x07")
        assert "{{ 7*7 }}" in page.text


async def test_a_thousand_targets(house: House) -> None:
    """Twenty problems are enough; the rest is a link away."""
    names = [f"target-{number:04}" for number in range(1000)]
    await troubled.trouble(house.service.store, names)
    for number in range(40):
        await troubled.fail(house.service.store, names[number], 1)
    page = await house.page("/console/status")
    assert page.source.count("deliveries are dead") <= 20
    assert "more problems: see all targets, the worst first" in page.text


@pytest.mark.parametrize("path", ["status", "targets", "deliveries"])
async def test_a_store_that_does_not_respond(house: House, path: str) -> None:
    """503 in words, and when to try again."""
    async with house.service.store.engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE deliveries RENAME TO elsewhere"))
    answer = await house.browser.get(f"/console/{path}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "The store does not respond" in answer.text


async def test_what_only_this_server_knows(house: House) -> None:
    """A store that cannot be written to is a problem, though it can be read; /ready has the rest."""
    async with house.service.store.engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE heartbeat RENAME TO elsewhere"))
    page = await house.page("/console/status")
    assert "This server: the store" in page.text
    assert "/ready" in page.links


async def test_messages_of_now_are_in_the_last_slot(house: House) -> None:
    """What came a moment ago is seen at once."""
    await house.service.store.journal.record(submission(arrival("now"), HELLO))
    await house.text("Hours", From="33700000001")
    page = await house.page("/console/status")
    assert "1 message, 1 answered" in page.source
