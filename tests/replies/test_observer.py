"""What is logged and counted of each reply."""

import asyncio
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from support import scrape, stored
from support.stored import HELLO, SILENCE, arrival, opted

from app import telemetry
from app.plivo.messages import Outgoing
from app.replies.journal import Arrival
from app.replies.observer import Observer
from app.replies.proposals import Proposal
from app.rules.outcome import Outcome, Step
from app.telemetry.metrics import Metrics

LIMITED = Proposal(None, "limit: per_sender 1/1h", limited=True)
CAPPED = Proposal(None, "limit: total 5/1d", limited=True)


class Log:
    """The lines that an observer writes."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        telemetry.configure("json", "info", "last4", self._stream)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Those of one event."""
        every = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [line for line in every if line["event"] == event]


@pytest.fixture
def log() -> Log:
    """An empty one."""
    return Log()


def _came(route: str = "support", last: int = 1) -> Arrival:
    return arrival(f"message-{last}", route=route, pair=stored.PAIR._replace(person=f"3370000000{last}"))


async def test_answer_is_one_line_with_its_reason_and_how_many_it_reaches(log: Log) -> None:
    """G12: numbers end in four digits, and no text is there; recipients are those who are really texted."""
    sent = (Outgoing(stored.US, ("33612345678", "33612345679"), "secret"), *HELLO.messages)
    Observer(Metrics()).answered(_came(), replace(HELLO, messages=sent))
    (line,) = log.lines("answered")
    assert {name: line[name] for name in ("from", "to", "route", "rule", "reason", "messages", "recipients")} == {
        "from": "..0001",
        "to": "..0000",
        "route": "support",
        "rule": "ack",
        "reason": "fixed text",
        "messages": 2,
        "recipients": 3,
    }
    assert (line["signed_by"], line["again"]) == ("V3", False)
    assert "secret" not in str(line)


async def test_each_call_is_counted_once(log: Log) -> None:
    """By its outcome; units, limits, failed rules and opt-outs beside it."""
    metrics = Metrics(["support"])
    observer = Observer(metrics)
    for proposal in (HELLO, SILENCE, replace(SILENCE, failed=True), LIMITED, replace(HELLO, change=opted(out=True))):
        observer.answered(_came(), proposal)
    observer.repeated(_came())
    observer.call_failed(_came())
    observer.rules_failed(_came(), Outcome(None, None, (Step("bot", "fails", "status 500"),)))
    found = scrape.series(metrics.text()[0].decode())
    counted = {
        outcome: scrape.value(found, "messages_total", route="support", outcome=outcome)
        for outcome in ("answered", "silence", "given_up", "repeat", "failed")
    }
    assert counted == {"answered": 2, "silence": 2, "given_up": 1, "repeat": 1, "failed": 1}
    assert scrape.value(found, "reply_units_total", route="support") == 2
    assert scrape.value(found, "limited_total", route="support", limit="per_sender") == 1
    assert scrape.value(found, "rule_failures_total", route="support", rule="bot") == 1
    assert len(log.lines("answered")) == 6


@pytest.mark.parametrize(("proposal", "event"), [(LIMITED, "rate limit reached"), (CAPPED, "spending cap reached")])
async def test_limit_that_is_reached_warns_once_a_minute_with_a_count(log: Log, proposal: Proposal, event: str) -> None:
    """A used-up cap concerns every sender of every route: one line, and at the end of the minute how many more."""
    observer = Observer(Metrics(), quiet=0.05)
    for last in range(1, 10):
        observer.answered(_came("support" if last % 2 else "sales", last), proposal)
    (first,) = log.lines(event)
    assert (first["level"], first["reason"], first["route"], first["from"]) == (
        "warning",
        proposal.reason,
        "support",
        "..0001",
    )
    await asyncio.sleep(0.1)  # the loop runs its timers in order
    (_, more) = log.lines(event)
    assert (more["level"], more["reason"], more["more"]) == ("warning", proposal.reason, 8)
    observer.answered(_came(), proposal)
    assert len(log.lines(event)) == 3


async def test_two_limits_are_warned_of_each(log: Log) -> None:
    """One that is warned of hides no other."""
    observer = Observer(Metrics())
    for proposal in (LIMITED, CAPPED, replace(CAPPED, reason="limit: total 5/1d of route support"), CAPPED):
        observer.answered(_came(), proposal)
    assert [line["reason"] for line in log.lines("spending cap reached")] == [
        "limit: total 5/1d",
        "limit: total 5/1d of route support",
    ]
    assert len(log.lines("rate limit reached")) == 1


async def test_spending_cap_at_80_percent_is_warned_of(log: Log) -> None:
    """In time to do something."""
    Observer(Metrics()).answered(_came(), replace(HELLO, near_limit="total 10/1d"))
    (line,) = log.lines("spending cap at 80 %")
    assert (line["level"], line["reason"], line["route"]) == ("warning", "total 10/1d", "support")


async def test_cut_text_and_unreached_recipients_are_warned_of(log: Log) -> None:
    """Each names the message and the rule, so that the owner finds what to change."""
    observer = Observer(Metrics())
    observer.answered(_came(), replace(HELLO, cut=True))
    observer.answered(_came(), replace(HELLO, unreached=True))
    observer.answered(_came(), HELLO)
    for event in ("text truncated to max_units", "message not sent: all recipients have opted out"):
        (line,) = log.lines(event)
        assert (line["level"], line["message_uuid"], line["rule"]) == ("warning", "message-1", "ack")
