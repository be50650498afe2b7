"""Cooldowns of rules and of keywords, and the lives of rules that call out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import pytest
from support import compiler
from support.logs import capture_logs

from app.plivo.messages import InboundMessage, Outgoing
from app.rules.chain import walk
from app.rules.conditions import ConditionOptions
from app.rules.kinds import keywords, silence, text
from app.rules.kinds.keywords import Entry
from app.rules.outcome import Answers, Outcome, RuleResult, Step, Use
from app.rules.rule import Cooldown, Rule, RuleContext
from app.rules.services import RuleServices
from app.rules.table import Route

NOW = compiler.NINE
TEN_MINUTES = 600.0
HELLO = (Outgoing(compiler.US, (compiler.CUSTOMER,), "Hello."),)


async def _walk(
    *rules: Rule,
    cooldowns: Mapping[str, float] | None = None,
    words: str = "hello",
    given: dict[str, str] | None = None,
) -> Outcome:
    message = InboundMessage.of(compiler.UUID, compiler.CUSTOMER, compiler.US, words)
    with capture_logs():
        return await walk(Route("support", rules), message, NOW, cooldowns or {}, RuleServices(given=given))


def _rule(then: Literal["silence", "pass"] = "silence", condition: ConditionOptions | None = None) -> Rule:
    built = compiler.Bench()
    return built.build(text.TextOptions("Hello."), condition, cooldown=Cooldown(600.0, then))


ACK = replace(compiler.good(text.TextOptions("Got it.")), name="ack")


async def test_answer_uses_its_cooldown_up() -> None:
    """The first answer is given, and says what it uses up: the rule's name, for so long."""
    outcome = await _walk(_rule())
    assert outcome.answer == Answers(HELLO, "fixed text", (Use("x", 600.0),))
    assert compiler.used(outcome) == (Use("x", 600.0),)


@pytest.mark.parametrize(("ago", "given"), [(0.0, False), (599.0, False), (600.0, True), (601.0, True)])
async def test_same_answer_is_given_once_in_so_long(ago: float, *, given: bool) -> None:
    """In between silence on purpose: no rule behind it is asked."""
    outcome = await _walk(_rule(), ACK, cooldowns={"x": NOW - ago})
    assert (outcome.rule, compiler.said(outcome)) == ("x", HELLO if given else ())
    assert compiler.used(outcome) == ((Use("x", 600.0),) if given else ())
    assert outcome.steps[1] == Step("ack", "not asked", "an earlier rule answered")


@pytest.mark.parametrize(("ago", "left"), [(599.0, "1 s"), (420.0, "3 min"), (0.0, "10 min")])
async def test_reason_says_when_it_is_given_again(ago: float, left: str) -> None:
    """An operator who wonders about the silence reads how long it lasts."""
    outcome = await _walk(_rule(), cooldowns={"x": NOW - ago})
    assert outcome.answer
    assert outcome.answer.reason == f"cooldown: this sender already got this answer; available again in {left}"


@pytest.mark.parametrize(("seconds", "left"), [(86_400.0 * 3, "3 d"), (7200.0, "2 h")])
async def test_long_cooldowns_are_told_in_long_units(seconds: float, left: str) -> None:
    """Nobody counts in seconds for days."""
    rule = replace(_rule(), cooldown=Cooldown(seconds))
    outcome = await _walk(rule, cooldowns={"x": NOW})
    assert outcome.answer
    assert outcome.answer.reason.endswith(f"in {left}")


async def test_cooldown_then_pass_asks_the_next_rule() -> None:
    """`cooldown_then = "pass"`: another rule may answer meanwhile."""
    outcome = await _walk(_rule("pass"), ACK, cooldowns={"x": NOW - 1})
    assert (outcome.rule, [one.text for one in compiler.said(outcome)]) == ("ack", ["Got it."])
    assert compiler.used(outcome) == ()
    assert outcome.steps[0].verdict == "passes"
    assert not _rule("pass").always_answers
    assert _rule("silence").always_answers


async def test_conditions_come_before_the_cooldown() -> None:
    """A rule that is not meant stays out of it, and does not silence others."""
    rule = _rule(condition=ConditionOptions(match="order"))
    outcome = await _walk(rule, ACK, cooldowns={"x": NOW - 1})
    assert outcome.rule == "ack"


async def test_cooldown_of_another_rule_does_not_count() -> None:
    """The key is the rule's name."""
    assert compiler.said(await _walk(_rule(), cooldowns={"other": NOW, "x: HOURS": NOW})) == HELLO


async def test_silence_uses_no_cooldown_up() -> None:
    """Who got nothing may have the next one."""
    rule = compiler.Bench().build(silence.SilenceOptions(silence=True), cooldown=Cooldown(600.0))
    assert compiler.used(await _walk(rule)) == ()


MENU = keywords.KeywordsOptions(
    {
        "HOURS | OPEN": Entry("Open 9-18.", cooldown=TEN_MINUTES),
        "* PRICE *": Entry("9 euros.", cooldown=TEN_MINUTES, cooldown_then="pass"),
        "INFO": "Read this.",
    }
)


@pytest.mark.parametrize(
    ("words", "cooldowns", "rule", "said", "uses"),
    [
        ("hours", {}, "x", ["Open 9-18."], (Use("x: HOURS | OPEN", 600.0),)),
        ("open", {"x: HOURS | OPEN": NOW - 1}, "x", [], ()),
        ("hours", {"x: HOURS | OPEN": NOW - 600}, "x", ["Open 9-18."], (Use("x: HOURS | OPEN", 600.0),)),
        ("hours", {"x: * PRICE *": NOW - 1, "x": NOW - 1}, "x", ["Open 9-18."], (Use("x: HOURS | OPEN", 600.0),)),
        ("what price?", {"x: * PRICE *": NOW - 1}, "ack", ["Got it."], ()),
        ("info", {"x: HOURS | OPEN": NOW - 1}, "x", ["Read this."], ()),
    ],
)
async def test_keyword_may_have_a_cooldown_of_its_own(
    words: str, cooldowns: dict[str, float], rule: str, said: list[str], uses: tuple[Use, ...]
) -> None:
    """Each line of the file by itself: its alternatives share one, the other lines are not touched."""
    outcome = await _walk(compiler.good(MENU), ACK, words=words, cooldowns=cooldowns)
    assert (outcome.rule, [one.text for one in compiler.said(outcome)], compiler.used(outcome)) == (rule, said, uses)


async def test_keyword_and_rule_may_both_have_one() -> None:
    """An answer uses both up; either one holds it back."""
    rule = compiler.Bench().build(MENU, cooldown=Cooldown(60.0))
    assert set(compiler.used(await _walk(rule, words="hours"))) == {Use("x", 60.0), Use("x: HOURS | OPEN", 600.0)}
    assert compiler.said(await _walk(rule, words="hours", cooldowns={"x": NOW - 1})) == ()
    assert compiler.said(await _walk(rule, words="hours", cooldowns={"x: HOURS | OPEN": NOW - 100})) == ()


def test_rules_with_a_cooldown_cost_something() -> None:
    """They are claimed first, as those that call out are; plain ones are not."""
    plain = keywords.KeywordsOptions({"INFO": "Read this."})
    costs = [_rule(), _rule("pass"), compiler.good(MENU), compiler.Bench().build(plain, cooldown=Cooldown(60.0))]
    assert [rule.has_effects for rule in costs] == [True] * 4
    assert [rule.has_effects for rule in (ACK, compiler.good(plain))] == [False] * 2


# Lives, and what stands in for those who call out


@dataclass(frozen=True)
class _Caller:
    """An action that calls out, and takes its time."""

    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = True
    has_cooldown: ClassVar[bool] = False
    seconds: float = 0.0

    async def __call__(self, context: RuleContext) -> RuleResult:
        await asyncio.sleep(self.seconds)
        return context.reply("Called.", "called")


async def test_rule_that_calls_out_has_a_lifetime() -> None:
    """G4: at its timeout a rule has failed and the next one is asked."""
    outcome = await _walk(Rule("bot", (), _Caller(30.0), lifetime=0.03), ACK)
    assert outcome.steps[0] == Step("bot", "fails", "no answer within its timeout of 0.03 s")
    assert outcome.rule == "ack"


async def test_each_rule_has_a_life_of_its_own() -> None:
    """One that used up its time takes none from the next."""
    outcome = await _walk(Rule("a", (), _Caller(30.0), lifetime=0.03), Rule("b", (), _Caller(0.02), lifetime=5.0))
    assert outcome.rule == "b"


async def test_failed_call_uses_no_cooldown_up() -> None:
    """Plivo's next call may still get the answer."""
    outcome = await _walk(Rule("bot", (), _Caller(30.0), lifetime=0.03, cooldown=Cooldown(600.0)))
    assert (outcome.failed, compiler.used(outcome)) == (True, ())


async def test_nobody_is_called_while_the_cooldown_lasts() -> None:
    """The cooldown is asked before the action: a call that may not be answered is not paid for."""
    outcome = await _walk(
        Rule("bot", (), _Caller(30.0), lifetime=0.03, cooldown=Cooldown(600.0)), cooldowns={"bot": NOW}
    )
    assert (outcome.failed, outcome.rule) == (False, "bot")


@pytest.mark.parametrize(
    ("given", "rule", "said"),
    [
        ({}, "ack", "Got it."),
        ({"bot": "pass"}, "ack", "Got it."),
        ({"bot": "fail"}, "ack", "Got it."),
        ({"bot": "Given."}, "bot", "Given."),
        ({"bot": "{text}"}, "bot", "{text}"),
        ({"ack": "Given."}, "ack", "Got it."),  # it calls nobody, so nothing stands in for it
    ],
)
async def test_given_stands_in_for_rules_that_call_out(given: dict[str, str], rule: str, said: str) -> None:
    """A text, "pass" or "fail"; all others are asked as they are."""
    outcome = await _walk(Rule("bot", (), _Caller(30.0)), ACK, given=given)
    assert (outcome.rule, [one.text for one in compiler.said(outcome)]) == (rule, [said])


async def test_given_keeps_conditions_cooldown_and_src() -> None:
    """Only the action is replaced: everything around it is tested as it is."""
    rule = compiler.Bench().build(text.TextOptions("x"), ConditionOptions(match="order"), "33644600009", Cooldown(60.0))
    rule = replace(rule, name="bot", action=_Caller(30.0))
    assert (await _walk(rule, given={"bot": "Given."})).rule is None
    outcome = await _walk(rule, given={"bot": "Given."}, words="my order")
    assert compiler.said(outcome) == (Outgoing("33644600009", (compiler.CUSTOMER,), "Given."),)
    assert compiler.used(outcome) == (Use("bot", 60.0),)
    assert compiler.said(await _walk(rule, given={"bot": "Given."}, words="my order", cooldowns={"bot": NOW})) == ()
