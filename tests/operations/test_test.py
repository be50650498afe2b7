"""`[[tests]]`: each expectation that is not met is a sentence; tests know nothing of each other."""

from typing import Any

import pytest
from support.runtimes import CUSTOMER, US, bot, rule, runtime

from app.notation import Seconds
from app.operations.addresses import ReadAddress
from app.operations.test import ConfigTestResult, run_tests
from app.rules.expectations import ConfigTest, Expectation
from app.rules.kinds import keywords, text
from app.rules.outcome import Use

RULES = (rule("menu", keywords.KeywordsOptions({"HOURS": "Open 9-18."})), rule("ack", text.TextOptions("Got it.")))


def made(words: str = "hello", given: dict[str, str] | None = None, kind: str = "sms", **expected: Any) -> ConfigTest:
    """A test of a message from the customer."""
    return ConfigTest("a", f"+{US}", f"+{CUSTOMER}", Expectation(**expected), words, kind, given=given or {})  # type: ignore[arg-type]


async def faults(test: ConfigTest, read: ReadAddress) -> tuple[str, ...]:
    """What is wrong with one test."""
    (result,) = await run_tests(runtime(*RULES), [test], read)
    return result.faults


@pytest.mark.parametrize(
    "expected",
    [
        {"rule": "menu"},
        {"route": "support"},
        {"text": "Open 9-18."},
        {"text_has": "9-18"},
        {"silent": False},
        {"units": 1},
        {"rule": "menu", "route": "support", "text": "Open 9-18.", "text_has": "Open", "silent": False, "units": 1},
        {},
    ],
)
async def test_expectation_that_is_met(read: ReadAddress, expected: dict[str, Any]) -> None:
    """Rule, route, text, part of a text, silence and units; what is not expected may be anything."""
    assert await faults(made("hours?", **expected), read) == ()


ASKED = "fixed text; menu passes: keywords: no keyword in the text; ack answers: fixed text"


@pytest.mark.parametrize(
    ("expected", "differs"),
    [
        ({"rule": "menu"}, f"expected rule menu, ack answered ({ASKED})"),
        ({"route": "shop"}, "expected route shop, got support"),
        ({"text": "Got it"}, "expected text 'Got it', got ['Got it.'] (fixed text)"),
        ({"text_has": "Open"}, "expected a text with 'Open', got ['Got it.'] (fixed text)"),
        ({"silent": True}, "expected silence, got ['Got it.'] (fixed text)"),
        ({"units": 2}, "expected 2 units, got 1"),
    ],
)
async def test_expectation_that_is_not_met(read: ReadAddress, expected: dict[str, Any], differs: str) -> None:
    """One sentence says what was expected and what came, with the reason."""
    assert await faults(made(**expected), read) == (differs,)


async def test_silence_has_a_reason(read: ReadAddress) -> None:
    """Whoever expected an answer reads why there is none."""
    test = made(kind="whatsapp", silent=False)
    assert await faults(test, read) == (
        "expected an answer, got [] (WhatsApp messages cannot be answered with Plivo XML)",
    )


async def test_what_is_given_stands_for_a_rule_that_calls_out(read: ReadAddress) -> None:
    """It passes unless a test says otherwise, and is never called."""
    calling, action = bot("Hello.", (Use("bot", 60.0),))
    tests = [made(rule="ack"), made(given={"bot": "Hi."}, text="Hi."), made(given={"bot": "fail"}, rule="ack")]
    results = await run_tests(runtime(calling, *RULES), tests, read)
    assert results == (ConfigTestResult("a", ()),) * 3
    assert action.asked == []


async def test_tests_do_not_remember_each_other(read: ReadAddress) -> None:
    """No cooldown, limit or opt-out of one test reaches another."""
    cooled = rule("menu", keywords.KeywordsOptions({"HOURS": keywords.Entry("Open.", cooldown=Seconds(3600.0))}))
    tests = [made("hours", text="Open."), made("STOP", silent=False), made("hours", text="Open.")] * 10
    assert {result.faults for result in await run_tests(runtime(cooled), tests, read)} == {()}
