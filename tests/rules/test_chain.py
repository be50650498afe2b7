"""The walk along a route: in order, until one answers; one that raises has failed and harms no other."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
from support import compiler
from support.logs import capture_logs

from app.plivo.messages import InboundMessage, Outgoing
from app.rules.chain import walk
from app.rules.outcome import Answers, Fails, Passes, RuleResult, Step, StepVerdict
from app.rules.rule import Rule, RuleContext
from app.rules.table import Route

NOW = 1_772_442_000.0
MESSAGE = InboundMessage.of(compiler.UUID, compiler.CUSTOMER, compiler.US, "my-secret words")
HELLO = Answers((Outgoing(compiler.US, (compiler.CUSTOMER,), "Hello."),), "fixed text")
NO = Passes("not today")
BROKEN = Fails("status 500")


@dataclass
class _Says:
    """An action with a prepared verdict, which remembers what it was asked."""

    always_answers: ClassVar[bool] = False
    verdict: RuleResult | BaseException
    asked: list[RuleContext] = field(default_factory=list)

    calls_out: ClassVar[bool] = False
    has_cooldown: ClassVar[bool] = False

    async def __call__(self, context: RuleContext) -> RuleResult:
        self.asked.append(replace(context))
        await asyncio.sleep(0)
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return self.verdict


@dataclass
class _Hangs(_Says):
    """One that never comes to its verdict."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, context: RuleContext) -> RuleResult:
        self.asked.append(replace(context))
        self.begun.set()
        await asyncio.Event().wait()
        return self.verdict  # type: ignore[return-value]


def _step(rule: str, verdict: RuleResult | None) -> Step:
    """What the journal gets of a verdict; None: the rule was not asked."""
    if verdict is None:
        return Step(rule, "not asked", "an earlier rule answered")
    verbs: dict[type[RuleResult], StepVerdict] = {Answers: "answers", Passes: "passes", Fails: "fails"}
    return Step(rule, verbs[type(verdict)], verdict.reason)


def _route(*verdicts: RuleResult | BaseException) -> tuple[Route, list[_Says]]:
    actions = [_Says(verdict) for verdict in verdicts]
    return Route("support", tuple(Rule(f"r{index}", (), action) for index, action in enumerate(actions))), actions


@pytest.mark.parametrize(
    ("verdicts", "answered_by", "asked", "failed"),
    [
        ((), None, [], False),
        ((HELLO,), "r0", [HELLO], False),
        ((NO, HELLO), "r1", [NO, HELLO], False),
        ((HELLO, HELLO), "r0", [HELLO, None], False),
        ((NO, HELLO, NO, BROKEN), "r1", [NO, HELLO, None, None], False),
        ((NO, NO), None, [NO, NO], False),
        ((BROKEN, HELLO), "r1", [BROKEN, HELLO], False),
        ((BROKEN, NO), None, [BROKEN, NO], True),
        ((NO, BROKEN), None, [NO, BROKEN], True),
        ((BROKEN,), None, [BROKEN], True),
    ],
)
async def test_rules_are_asked_in_order_until_one_answers(
    verdicts: tuple[RuleResult, ...], answered_by: str | None, asked: list[RuleResult | None], *, failed: bool
) -> None:
    """Every rule leaves a step; a failure passes on; only if nothing answered has the chain failed."""
    route, actions = _route(*verdicts)
    outcome = await walk(route, MESSAGE, NOW, {})
    assert outcome.rule == answered_by
    assert outcome.steps == tuple(_step(f"r{index}", verdict) for index, verdict in enumerate(asked))
    assert outcome.failed is failed
    assert compiler.said(outcome) == (HELLO.messages if answered_by else ())
    assert [len(action.asked) for action in actions] == [verdict is not None for verdict in asked]


async def test_silence_on_purpose_ends_the_walk() -> None:
    """An answer without messages is an answer: no rule behind it is asked, and nothing has failed."""
    route, _ = _route(BROKEN, Answers((), "silence on purpose"), HELLO)
    outcome = await walk(route, MESSAGE, NOW, {})
    assert (outcome.rule, compiler.said(outcome), outcome.failed) == ("r1", (), False)
    assert outcome.steps[2] == _step("r2", None)


async def test_every_rule_gets_the_question_fresh() -> None:
    """Each rule is asked about the message itself, with the names of its route."""
    route, actions = _route(NO, HELLO)
    await walk(route, MESSAGE, NOW, {})
    (first,), (second,) = (action.asked for action in actions)
    assert replace(first, rule="", deadline=0.0) == replace(second, rule="", deadline=0.0)
    assert (first.message, first.route, first.src) == (MESSAGE, "support", compiler.US)
    assert (first.rule, second.rule) == ("r0", "r1")


async def test_rule_with_a_src_answers_from_it_and_the_next_one_does_not() -> None:
    """`src` is the rule's own; what the next one would answer comes from the number that was texted."""
    route, actions = _route(NO, NO)
    route = replace(route, rules=(replace(route.rules[0], src="33644600009"), route.rules[1]))
    await walk(route, MESSAGE, NOW, {})
    assert [context.src for action in actions for context in action.asked] == ["33644600009", compiler.US]


async def test_exception_is_a_failure_and_harms_no_other() -> None:
    """Whatever a rule raises, the next one is asked, and the step names its type and place."""
    route, _ = _route(ValueError("my-secret words"), HELLO)
    with capture_logs():
        outcome = await walk(route, MESSAGE, NOW, {})
    assert outcome.rule == "r1"
    assert outcome.steps[0].verdict == "fails"
    assert outcome.steps[0].reason.startswith("raised ValueError at ")
    assert "test_chain.py:" in outcome.steps[0].reason


@pytest.mark.parametrize(
    "error", [ValueError("my-secret words"), KeyError("my-secret"), OSError(2, "my-secret", "my-secret")]
)
async def test_what_an_exception_says_is_not_told(error: Exception) -> None:
    """G12: its message may hold a customer's words, so neither the log nor the journal has it."""
    route, _ = _route(error)
    with capture_logs() as lines:
        outcome = await walk(route, MESSAGE, NOW, {})
    (line,) = lines
    assert line["event"] == "rule failed"
    assert (line["route"], line["rule"], line["message_uuid"], line["log_level"]) == (
        "support",
        "r0",
        compiler.UUID,
        "warning",
    )
    assert "my-secret" not in f"{lines}{outcome.steps}"


async def test_passing_is_not_logged() -> None:
    """A rule that passes is no event; only failures are."""
    route, _ = _route(NO, BROKEN, HELLO)
    with capture_logs() as lines:
        await walk(route, MESSAGE, NOW, {})
    assert [line["rule"] for line in lines] == ["r1"]


async def test_cancelling_is_no_failure_of_a_rule() -> None:
    """A walk that is called off stops there; no later rule is asked."""
    route, (behind,) = _route(HELLO)
    hanging = _Hangs(NO)
    route = replace(route, rules=(Rule("hangs", (), hanging), *route.rules))
    task = asyncio.create_task(walk(route, MESSAGE, NOW, {}))
    await hanging.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert behind.asked == []


async def test_cancelled_error_of_a_rule_is_its_failure() -> None:
    """A rule that awaited something cancelled calls nobody off: the next rule is asked."""
    route, _ = _route(asyncio.CancelledError(), HELLO)
    with capture_logs():
        outcome = await walk(route, MESSAGE, NOW, {})
    assert outcome.rule == "r1"


async def test_exit_of_a_rule_is_its_failure() -> None:
    """A function that calls sys.exit does not take the service with it."""
    route, _ = _route(SystemExit(3), HELLO)
    with capture_logs():
        outcome = await walk(route, MESSAGE, NOW, {})
    assert outcome.rule == "r1"


async def test_timeout_of_a_rules_own_is_not_reported_as_its_lifetime() -> None:
    """The owner who reads "within its timeout" would raise the wrong number."""
    route, _ = _route(TimeoutError())
    with capture_logs():
        outcome = await walk(route, MESSAGE, NOW, {})
    assert outcome.steps[0].verdict == "fails"
    assert outcome.steps[0].reason.startswith("raised TimeoutError at ")


def test_vars_never_hide_what_every_text_knows() -> None:
    """A var called text or from loses, so {text} means the same in every file."""
    own = {"text": "x", "from": "x", "route": "x", "shop": "Roma"}
    assert replace(compiler.context("my-secret words"), vars=own).values == {
        "from": "+33700000001",
        "to": "+33644600000",
        "text": "my-secret words",
        "rest": "",
        "route": "support",
        "message_uuid": compiler.UUID,
        "shop": "Roma",
    }


@dataclass
class _Stubborn(_Says):
    """One that will not be cancelled."""

    calls_out: ClassVar[bool] = True
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _ask: RuleContext) -> RuleResult:
        while not self.over.is_set():
            with suppress(asyncio.CancelledError):
                await self.over.wait()
        return NO


async def test_rule_that_will_not_be_cancelled_is_left_behind() -> None:
    """G4: a rule's life is over at its timeout, whatever it does about it."""
    stubborn = _Stubborn(NO)
    route = Route("support", (Rule("stubborn", (), stubborn, lifetime=0.05), Rule("ack", (), _Says(HELLO))))
    try:
        async with asyncio.timeout(5):
            outcome = await walk(route, MESSAGE, NOW, {})
    finally:
        stubborn.over.set()
        await asyncio.sleep(0)
    assert outcome.rule == "ack"
    assert outcome.steps[0] == Step("stubborn", "fails", "no answer within its timeout of 0.05 s")
