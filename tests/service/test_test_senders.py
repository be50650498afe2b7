"""Messages of `[admin] test_senders` are answered like any other, and count for nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support import inside, plivo_sdk, wire

from app.config import load
from app.operations.deliveries import Selection, list_deliveries
from app.operations.history import MessageRecord, history, sent_by
from app.operations.limits import list_counts
from app.operations.opt_outs import list_opt_outs
from app.policies.usage import Budget
from app.service import Service
from app.store.snapshot import spent

CONFIG = """
[[routes]]
name = "shop"
to = "+33644600000"
rules = ["broken", "duty", "once", "ack"]
limits = { same_text = "2/1h" }
[[routes]]
name = "capped"
to = "+33644600001"
text = "ok"
limits = { total = "2/1d", same_text = "100/1h" }
[rules.broken]
match = "^break$"
webhook = "http://127.0.0.1:1/bot"
[rules.duty]
match = "urgent"
forward = "+33612345678"
text = "Somebody will answer."
[rules.once]
match = "^once$"
text = "Once."
cooldown = "1h"
[rules.ack]
text = "Got it."
[targets.crm]
url = "http://127.0.0.1:1/hook"
send = ["messages", "reports"]
[admin]
listen = "127.0.0.1:0"
test_senders = "+33600000001"
"""
SHOP, CAPPED, TESTER = "33644600000", "33644600001", "33600000001"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A running service."""
    async with inside.serving(tmp_path, CONFIG) as running:
        yield running


async def _text(service: Service, text: str, sender: str = TESTER, to: str = SHOP) -> MessageRecord:
    """One signed message, as the store has it afterwards."""
    fields = plivo_sdk.message(From=sender, To=to, Text=text)
    await inside.tell(service, fields)
    return await _stored(service, dict(fields)["MessageUUID"])


async def _stored(service: Service, uuid: str) -> MessageRecord:
    found = await history(service.store, uuid, service.loaded.read_address, 1)
    (message,) = found.messages
    return message


def _texts(message: MessageRecord) -> list[str]:
    return [one.text for one in sent_by(message)]


async def test_test_sender_is_answered_by_the_real_path(service: Service) -> None:
    """It is verified, its rules are asked, and its row has reasons, like that of anybody."""
    message = await _text(service, "hello")
    assert _texts(message) == ["Got it."]
    assert (message.signed_by, message.rule, message.state) == ("V3", "ack", "answered")
    assert [(step.rule, step.verdict) for step in message.steps] == [
        ("broken", "passes"),
        ("duty", "passes"),
        ("once", "passes"),
        ("ack", "answers"),
    ]


async def test_spending_caps_do_not_move(service: Service) -> None:
    """Forwards included. The cap binds a test sender once others have used it up."""
    for text in ("one", "two", "three"):
        assert _texts(await _text(service, text, to=CAPPED)) == ["ok"]
    await _text(service, "urgent")
    budgets = tuple(service.loaded.runtime.policies.caps)
    assert {budget.scope for budget in budgets} == {"", "route capped"}
    assert await spent(service.store.engine, budgets, 2e9) == dict.fromkeys(budgets, 0)
    for text in ("one", "two"):
        assert _texts(await _text(service, text, wire.sender(), CAPPED)) == ["ok"]
    assert (await _text(service, "four", to=CAPPED)).reason == "limit: total 2/1d of route capped"
    assert (await spent(service.store.engine, budgets, 0.0))[Budget("route capped", 86400.0)] == 2


@pytest.mark.parametrize("sender", [TESTER, "33700000009"])
async def test_counters_count_others_only(service: Service, sender: str) -> None:
    """All of a person: answers, units, silences, opt-outs, limits, repeats, failed rules. Nothing of a test sender."""
    for text in ("a", "a", "a", "break", "STOP", "START"):
        await _text(service, text, sender)
    fields = plivo_sdk.message(From=sender, To=SHOP, Text="again")
    for _ in range(2):
        await inside.tell(service, fields)
    reply = plivo_sdk.report(From=SHOP, To=sender, Status="delivered")
    await inside.tell(service, reply, f"/report/{dict(fields)['MessageUUID']}")
    expected: dict[tuple[str, ...], float] = {
        ("messages_total", "answered"): 6,
        ("messages_total", "silence"): 1,
        ("messages_total", "repeat"): 1,
        ("messages_total", "failed"): 0,
        ("opt_outs_total", "out"): 1,
        ("opt_outs_total", "in"): 1,
        ("limited_total", "same_text"): 1,
        ("reply_units_total", ""): 6,
        ("rule_failures_total", "broken"): 1,
        ("reports_total", "delivered"): 1,
    }
    got = {key: _counted(service, *key) for key in expected}
    assert got == (dict.fromkeys(expected, 0) if sender == TESTER else got | expected)


def _counted(service: Service, name: str, label: str) -> float:
    labels: dict[str, dict[str, Any]] = {
        "messages_total": {"route": "shop", "outcome": label},
        "opt_outs_total": {"route": "shop", "change": label},
        "limited_total": {"route": "shop", "limit": label},
        "reply_units_total": {"route": "shop"},
        "rule_failures_total": {"route": "shop", "rule": label},
        "reports_total": {"status": label},
    }
    return inside.counted(service, name, **labels[name])


async def test_no_target_gets_a_copy_or_a_report(service: Service) -> None:
    """Neither of its messages, nor of what is sent in reply to them, whoever gets it. The reports are stored."""
    message = await _text(service, "urgent")
    for to in (TESTER, "33612345678"):
        path = f"/report/{message.message_uuid}"
        assert (await inside.tell(service, plivo_sdk.report(From=SHOP, To=to), path))[0] == 200
    assert (await list_deliveries(service.store, Selection(), 10)).deliveries == ()
    assert len((await _stored(service, message.message_uuid)).reports) == 2


async def test_other_deliveries_go_on(service: Service) -> None:
    """A person's copy and report, a person's report to the test phone, and one of a message sent by other means."""
    message = await _text(service, "urgent", wire.sender())
    for to in (message.sender, TESTER):
        await inside.tell(service, plivo_sdk.report(From=SHOP, To=to), f"/report/{message.message_uuid}")
    await inside.tell(service, plivo_sdk.report(From=SHOP, To=TESTER), "/report")
    found = (await list_deliveries(service.store, Selection(), 10)).deliveries
    assert sorted(one.kind for one in found) == ["message", "report", "report", "report"]


async def test_opt_out_cooldown_and_limits_are_its_own(service: Service) -> None:
    """What a test sender uses up is gone for that number, and for nobody else."""
    somebody = wire.sender()
    assert [_texts(await _text(service, "once")) for _ in range(2)] == [["Once."], []]
    assert _texts(await _text(service, "once", somebody)) == ["Once."]
    assert _texts(await _text(service, "STOP")) != []
    assert (await _text(service, "hello")).reason == "this person has opted out"
    assert _texts(await _text(service, "hello", somebody)) == ["Got it."]
    (opt_out,) = await list_opt_outs(service.store, None, service.loaded.read_address, ended=True)
    assert (opt_out.person, opt_out.number) == (TESTER, SHOP)
    assert _texts(await _text(service, "START")) == ["Welcome back."]
    counts = await list_counts(service.store, 0.0, 10)
    assert {one.person for one in counts.people} == {TESTER, somebody}


async def test_start_of_a_test_sender_ends_no_stop_of_a_person(service: Service) -> None:
    """START changes the opt-out of the number that says it."""
    somebody = wire.sender()
    await _text(service, "STOP", somebody)
    await _text(service, "START")
    assert (await _text(service, "hello", somebody)).reason == "this person has opted out"


async def test_reload_brings_and_takes_test_senders(service: Service, tmp_path: Path) -> None:
    """They are in force from the next message on."""
    assert service.loaded.runtime.policies.test_senders == {TESTER}
    await service.use(load(inside.written(tmp_path, CONFIG.replace(TESTER, "33600000002"))))
    await _text(service, "hello")
    assert inside.counted(service, "messages_total", route="shop", outcome="answered") == 1
