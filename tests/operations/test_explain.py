"""What the rules would answer to a message: by the functions of live traffic, calling nobody and storing nothing."""

import pytest
from support.runtimes import CUSTOMER, NOW, US, bot, message, remembering, rule, runtime

from app.operations.explain import explain
from app.policies.usage import OptOutState, Usage
from app.replies.reasons import OPT_OUT
from app.rules.kinds import keywords, text
from app.rules.outcome import Step
from app.rules.services import RuleServices

HOURS = rule("menu", keywords.KeywordsOptions({"HOURS": "9-18"}))
GOT_IT = rule("ack", text.TextOptions("Got it."))


async def test_every_rule_has_its_reason() -> None:
    """Which rule answers, and why each other does not."""
    told = await explain(runtime(HOURS, GOT_IT, bot()[0]), message(), NOW, RuleServices())
    assert told.route == "support"
    assert told.steps == (
        Step("menu", "passes", "keywords: no keyword in the text"),
        Step("ack", "answers", "fixed text"),
        Step("bot", "not asked", "an earlier rule answered"),
    )
    assert ([one.text for one in told.proposal.messages], told.proposal.units) == (["Got it."], 1)


@pytest.mark.parametrize(
    ("given", "said", "failed"),
    [({}, ["Got it."], False), ({"bot": "Hi."}, ["Hi."], False), ({"bot": "fail"}, ["Got it."], False)],
)
async def test_nobody_is_called(given: dict[str, str], said: list[str], *, failed: bool) -> None:
    """What stands in for a rule that calls out is given; by default it passes."""
    calling, action = bot()
    told = await explain(runtime(calling, GOT_IT), message(), NOW, RuleServices(given=given))
    assert [one.text for one in told.proposal.messages] == said
    assert (told.proposal.failed, action.asked) == (failed, [])


async def test_stop_shows_what_it_would_change() -> None:
    """As if it had been signed."""
    told = await explain(runtime(GOT_IT), message("STOP"), NOW, RuleServices())
    assert (told.proposal.rule, told.steps) == (OPT_OUT, ())
    assert told.proposal.change is not None
    assert told.proposal.change.opted_out


async def test_what_is_remembered_counts_if_it_is_known() -> None:
    """With what the store knows about a person, the answer is theirs."""
    usage = Usage(opt_outs={CUSTOMER: {US: OptOutState(True, None, 1)}})
    made = runtime(GOT_IT)
    told = await explain(made, message(), NOW, RuleServices(), remembering(usage))
    assert (told.proposal.messages, told.proposal.reason) == ((), "this person has opted out")
    assert (await explain(made, message(), NOW, RuleServices())).proposal.messages


async def test_explaining_twice_says_the_same() -> None:
    """Nothing is remembered of an explanation."""
    made = runtime(GOT_IT)
    first = await explain(made, message("STOP"), NOW, RuleServices())
    assert await explain(made, message("STOP"), NOW, RuleServices()) == first
