"""The console's phone: conversations that store nothing, and live messages of test senders."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import inside, plivo_sdk, wire

from app.operations.errors import OperationRefused
from app.operations.history import history
from app.operations.phone import Incoming, Turn, live_conversation, live_senders, rehearse, text_live
from app.service import Service
from app.store import Store

CONFIG = """
[[routes]]
name = "shop"
to = "+33644600000"
rules = ["once", "bot", "duty", "ack"]
[[routes]]
name = "capped"
to = "+33644600001"
text = "Hi."
limits = { total = "2/1h", same_text = "100/1h" }
[[routes]]
name = "failing"
to = "+33644600002"
rules = ["bot"]
[rules.once]
match = "^once$"
text = "Once."
cooldown = "1h"
[rules.bot]
match = "^bot$"
webhook = "http://127.0.0.1:1/bot"
[rules.duty]
match = "urgent"
forward = "+33612345678"
text = "Somebody will answer."
[rules.ack]
text = "Got it."
[admin]
listen = "127.0.0.1:0"
test_senders = "+33600000001"
"""
SHOP, CAPPED, FAILING = "33644600000", "33644600001", "33644600002"
TESTER, CUSTOMER, DUTY = "33600000001", "33700000009", "33612345678"
NOON, HOUR = 1_772_445_600.0, 3600.0


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A running service."""
    async with inside.serving(tmp_path, CONFIG) as running:
        yield running


def _said(text: str, at: float = NOON, sender: str = CUSTOMER, to: str = SHOP) -> Incoming:
    return Incoming(sender, to, text, at)


async def _rehearse(service: Service, *said: Incoming, store: Store | None = None, **given: str) -> tuple[Turn, ...]:
    return await rehearse(service.loaded.runtime, [replace(one, given=given) for one in said], store)


def _texts(turns: tuple[Turn, ...]) -> list[str]:
    """What is sent in reply to each message, or else why nothing is."""
    return ["/".join(one.text for one in turn.messages) or turn.reason.partition(": this sender")[0] for turn in turns]


async def test_earlier_messages_count(service: Service) -> None:
    """A cooldown, STOP and START, and the limit on one text; two hours later the cooldown is over."""
    conversation = [_said(text) for text in ("once", "once", "STOP", "hello", "START", "a", "a", "a", "a", "a")]
    turns = await _rehearse(service, *conversation, _said("once", NOON + 2 * HOUR))
    assert _texts(turns) == [
        "Once.",
        "cooldown",
        "You will get no more messages. START to resume.",
        "this person has opted out",
        "Welcome back.",
        *["Got it."] * 4,
        "limit: same_text 4/1h",
        "Once.",
    ]
    assert [step.verdict for step in turns[0].steps] == ["answers", *["not asked"] * 3]


async def test_spending_cap_counts_within_its_window(service: Service) -> None:
    """Two units an hour: the third message is not answered, and one after the window is."""
    said = [_said("hi", NOON + after, to=CAPPED) for after in (0.0, 1.0, 2.0, 2 * HOUR)]
    assert _texts(await _rehearse(service, *said)) == ["Hi.", "Hi.", "limit: total 2/1h of route capped", "Hi."]


async def test_reaction_to_a_reply_is_recognised(service: Service) -> None:
    """It quotes what the phone has just shown."""
    turns = await _rehearse(service, _said("hello"), _said('Liked "Got it."'))
    assert _texts(turns) == ["Got it.", "a reaction that quotes our own answer"]


async def test_nothing_is_stored_or_called(service: Service) -> None:
    """Not even the opt-out, as anybody; and what a rule that calls out says is given."""
    turns = await _rehearse(service, _said("STOP"), _said("bot", sender=TESTER), bot="Hello, I am a bot.")
    assert turns[1].rule == "bot"
    assert _texts(turns)[1] == "Hello, I am a bot."
    assert all(turn.message_uuid is None for turn in turns)
    found = await history(service.store, CUSTOMER, service.loaded.read_address, 10)
    assert (found.is_empty, found.opt_outs) == (True, ())
    assert _texts(await _rehearse(service, _said("bot"), bot="fail")) == ["Got it."]


async def test_with_what_the_store_knows(service: Service) -> None:
    """Opt-outs, cooldowns and spending caps of the time before; nothing of it changes."""
    now = _now(service)
    for text in ("once", "STOP"):
        await inside.tell(service, plivo_sdk.message(From=CUSTOMER, To=SHOP, Text=text))
    await inside.tell(service, plivo_sdk.message(From=wire.sender(), To=CAPPED, Text="hi"))
    said = [_said(text, now) for text in ("hello", "START", "once")]
    said += [_said("hi", now, to=CAPPED) for _ in range(2)]
    assert _texts(await _rehearse(service, *said, store=service.store)) == [
        "this person has opted out",
        "Welcome back.",
        "cooldown",
        "Hi.",
        "limit: total 2/1h of route capped",
    ]
    assert _texts(await _rehearse(service, said[0], store=service.store)) == ["this person has opted out"]
    assert _texts(await _rehearse(service, said[0])) == ["Got it."]


async def test_recipients_who_opted_out_in_the_store(service: Service) -> None:
    """A forward goes to nobody who has opted out."""
    await inside.tell(service, plivo_sdk.message(From=DUTY, To=SHOP, Text="STOP"))
    (turn,) = await _rehearse(service, _said("urgent", _now(service)), store=service.store)
    assert [one.dst for one in turn.messages] == [(CUSTOMER,)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([_said("a", NOON), _said("b", NOON - 1)], "before that of the last message"),
        ([_said("a")] * 51, "ends after 50 messages"),
        ([_said("a", 1e18)], "between the years 2000 and 2100"),
        ([_said("a", float("nan"))], "between the years 2000 and 2100"),
        ([_said("a" * 1600)] * 26, "ends after 40,000 characters"),
        ([_said("a" * 1601)], "the text has 1,601 characters; Plivo takes at most 1,600"),
    ],
)
async def test_conversations_that_cannot_be(service: Service, said: list[Incoming], why: str) -> None:
    """Each is refused with the reason."""
    with pytest.raises(OperationRefused, match=why):
        await _rehearse(service, *said)


async def test_live_message_takes_the_real_path(service: Service) -> None:
    """It is signed and stored, and the conversation is what history shows."""
    asked = inside.running(service)
    assert live_senders(service.loaded.runtime) == [TESTER]
    turn = await text_live(asked, _said("hello", sender=TESTER))
    assert (turn.rule, _texts((turn,)), turn.is_pending) == ("ack", ["Got it."], False)
    found = await history(service.store, str(turn.message_uuid), service.loaded.read_address, 1)
    assert (found.messages[0].signed_by, found.messages[0].xml) == ("Ma-V3", turn.xml)
    await text_live(asked, _said("another number", sender=TESTER, to=CAPPED))
    assert await live_conversation(asked, TESTER, SHOP) == (turn,)


async def test_live_message_without_an_answer_is_pending(service: Service) -> None:
    """A rule that fails: Plivo would call again."""
    turn = await text_live(inside.running(service), _said("bot", sender=TESTER, to=FAILING))
    assert turn.is_pending
    assert turn.reason.startswith("pending, call 1 of 4: bot failed: could not connect")


async def test_nobody_else_texts_live(service: Service) -> None:
    """G9: no operator can end a customer's STOP."""
    await inside.tell(service, plivo_sdk.message(From=CUSTOMER, To=SHOP, Text="STOP"))
    asked = inside.running(service)
    for refused in (text_live(asked, _said("START")), live_conversation(asked, CUSTOMER, SHOP)):
        with pytest.raises(OperationRefused, match=r"\+33700000009 is not in \[admin\] test_senders"):
            await refused
    found = await history(service.store, CUSTOMER, service.loaded.read_address, 10)
    assert len(found.messages) == 1
    assert found.opt_outs[0].ended_at is None


def _now(service: Service) -> float:
    """A moment that the store's rows are not ahead of."""
    return service.state.started_at + 60.0
