"""Route, opt-out, limits, rules: which of them are asked, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runtimes import CUSTOMER, DUTY, NOW, SHOP, US, Says, bot, decided, message, rule, runtime

from app.plivo.markup import EMPTY
from app.plivo.messages import Outgoing
from app.policies.limits import LimitOptions, Rate, for_route
from app.policies.opt_out import Mode, RouteOptOut
from app.policies.policies import RoutePolicy
from app.policies.usage import Budget, Conversation, OptOutState, PastReply, Usage
from app.replies.evaluate import ask_rules, begin, has_effects
from app.replies.reasons import OPT_OUT
from app.rules.kinds import forward, keywords, text
from app.rules.rule import Rule
from app.rules.services import RuleServices
from app.rules.table import Route

HERE = Conversation(US, CUSTOMER)
GOT_IT = rule("ack", text.TextOptions("Got it."))
HOURS = rule("menu", keywords.KeywordsOptions({"HOURS": "9-18"}))
TWO_FORMS = ("525599990000", "5491112345678")  # numbers of ours that networks write in two ways


def _out() -> Usage:
    return Usage(opt_outs={CUSTOMER: {US: OptOutState(True, None, 1)}})


def _limited(**changes: Any) -> RoutePolicy:
    options = replace(LimitOptions(per_sender=(), same_text=(), total=()), **changes)
    return RoutePolicy(limits=for_route(options, "support"))


async def test_other_numbers_have_the_default_route() -> None:
    """`to = "*"` answers from whatever number was texted."""
    default = Route("default", (rule("text", text.TextOptions("Hi from {to}.")),))
    sent = await decided(runtime(GOT_IT, default=default), message(to=SHOP))
    assert sent.messages == (Outgoing(SHOP, (CUSTOMER,), "Hi from +33644600001."),)


async def test_number_without_route_is_silence() -> None:
    """Nobody answers for a number that the file does not name."""
    sent = await decided(runtime(GOT_IT), message(to=SHOP))
    assert (sent.xml, sent.reason) == (EMPTY, "no route for this number, and no default route")


async def test_mms_is_answered() -> None:
    """Only WhatsApp has no XML; a picture is a message like any other."""
    assert (await decided(runtime(GOT_IT), message(type_="mms"))).messages


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type_": "whatsapp"}, "WhatsApp messages cannot be answered with Plivo XML"),
        ({"type_": "whatsapp", "text": "STOP"}, "WhatsApp messages cannot be answered with Plivo XML"),
        ({"sender": US}, "the sender is one of our own numbers, which would loop"),
        ({"sender": SHOP}, "the sender is one of our own numbers, which would loop"),
        ({"sender": US, "text": "STOP"}, "the sender is one of our own numbers, which would loop"),
        ({"sender": "33600000000", "to": "33600000000"}, "the sender is one of our own numbers, which would loop"),
        ({"sender": "5215512345678", "to": "525512345678"}, "the sender is one of our own numbers, which would loop"),
        ({"sender": "5215599990000"}, "the sender is one of our own numbers, which would loop"),
        ({"sender": "541112345678"}, "the sender is one of our own numbers, which would loop"),
        ({"text": "Laughed at an image"}, "a reaction to a picture"),
    ],
)
async def test_what_must_not_be_answered_is_silence_and_asks_no_rule(changes: dict[str, str], reason: str) -> None:
    """G8 and G10: silence has a reason; the rules, which may cost money, are not asked, and nothing is claimed."""
    costly, action = bot()
    default = Route("default", (costly,))
    made = runtime(costly, default=default, others=dict.fromkeys((SHOP, *TWO_FORMS), Route("shop", ())))
    one = message(**{"words": changes.pop("text", "hello"), **changes})
    sent = await decided(made, one)
    assert (sent.rule, sent.reason, sent.xml, sent.change, action.asked) == (None, reason, EMPTY, None, [])
    assert not has_effects(*await begin(made, one, NOW))


async def test_alphanumeric_sender_gets_no_reply_and_is_still_forwarded() -> None:
    """A name cannot be texted, but what it wrote reaches the people on duty."""
    duty = rule("duty", forward.ForwardOptions((f"+{DUTY}",), text="Thanks."))
    sent = await decided(runtime(duty), message(sender="AMAZON"))
    assert sent.messages == (Outgoing(US, (DUTY,), "AMAZON: hello"),)
    assert sent.reason == "forwarded to 1; alphanumeric senders and the number itself cannot be texted"


@pytest.mark.parametrize("words", ["STOP", " stop. ", "stop all"])
async def test_stop_asks_no_rule(words: str) -> None:
    """G9: opt-out comes before every route."""
    costly, action = bot()
    sent = await decided(runtime(costly), message(words))
    assert (sent.rule, bool(sent.change), action.asked) == (OPT_OUT, True, [])


@pytest.mark.parametrize("words", ["hello", "HOURS", "HELP", "hours", "?", "start"])
async def test_no_rule_is_asked_for_a_person_who_is_out(words: str) -> None:
    """G9: a webhook is not asked for a person who may get no answer."""
    costly, action = bot()
    sent = await decided(runtime(HOURS, costly), message(words), _out())
    assert action.asked == []
    assert bool(sent.messages) is (words == "start")


async def test_start_of_a_person_who_is_in_is_a_word_like_any_other() -> None:
    """A shop may have a keyword START."""
    sent = await decided(
        runtime(rule("menu", keywords.KeywordsOptions({"START": "Welcome to the quiz."}))), message("START")
    )
    assert ([one.text for one in sent.messages], sent.rule, sent.change) == (["Welcome to the quiz."], "menu", None)


@pytest.mark.parametrize(
    ("rules", "intent", "said", "by"),
    [
        ((), "", "Reply STOP to end.", OPT_OUT),
        ((GOT_IT,), "", "Reply STOP to end.", OPT_OUT),
        ((rule("menu", keywords.KeywordsOptions({"INFO": "We sell shoes."})),), "", "We sell shoes.", "menu"),
        ((GOT_IT, rule("menu", keywords.KeywordsOptions({"INFO *": "Shoes."}))), "", "Got it.", "ack"),
        ((rule("menu", keywords.KeywordsOptions({"INFO": "We sell shoes."})),), "help", None, OPT_OUT),
        ((HOURS,), "", "Reply STOP to end.", OPT_OUT),
        ((bot()[0],), "", "Reply STOP to end.", OPT_OUT),
    ],
)
async def test_help_is_ours_unless_a_keyword_of_the_route_has_the_word(
    rules: tuple[Rule, ...], intent: str, said: str | None, by: str
) -> None:
    """A keyword of the route wins over HELP and INFO, but not over MessageIntent=help; nobody outside is asked."""
    sent = await decided(runtime(*rules), message("Info", intent=intent))
    assert [one.text for one in sent.messages] == ([said] if said else [])
    assert sent.rule == by
    assert all(one.action.asked == [] for one in rules if isinstance(one.action, Says))


async def test_route_has_its_own_words_mode_and_limits() -> None:
    """What a route sets beats the common options, for that route only."""
    off, few = RoutePolicy(RouteOptOut(mode="off")), _limited(per_sender=(Rate(1, 60.0),))
    assert (await decided(runtime(GOT_IT, by_route={"support": off}), message("STOP"))).rule == "ack"
    assert (await decided(runtime(GOT_IT, by_route={"other": off}), message("STOP"))).rule == OPT_OUT
    for name, limited in (("support", True), ("other", False)):
        usage = Usage(replies={HERE: [PastReply(NOW - 1, "a")]})
        assert (await decided(runtime(GOT_IT, by_route={name: few}), usage=usage)).limited is limited


async def test_mode_off_knows_no_opt_outs() -> None:
    """What was remembered in another mode holds nothing back."""
    made = runtime(GOT_IT, policy=RoutePolicy(RouteOptOut(mode="off")))
    assert (await decided(made, usage=_out())).messages


@given(
    st.sampled_from(["auto", "plivo", "self"]),
    st.sampled_from(["", "optout", "help", "junk"]),
    st.sampled_from(["STOP", "HELP", "INFO", "HOURS", "hello", "", "cancel!"]) | st.text(max_size=10),
    st.sampled_from(["sms", "mms", "whatsapp"]),
)
async def test_after_an_opt_out_nothing_is_sent(mode: Mode, intent: str, words: str, kind: str) -> None:
    """G9: whatever a person who is out writes, short of START, no message leaves to them."""
    made = runtime(HOURS, GOT_IT, policy=RoutePolicy(RouteOptOut(mode=mode)))
    one = message(words, intent=intent, type_=kind)
    _, evaluation = await begin(made, one, NOW)
    sent = await decided(made, one, _out())
    if evaluation.signal is None or evaluation.signal.kind != "start":
        assert (sent.messages, sent.xml) == ((), EMPTY)


@pytest.mark.parametrize(
    ("policy", "usage"),
    [
        (_limited(per_sender=(Rate(1, 60.0),)), Usage(replies={HERE: [PastReply(NOW - 1, "a")]})),
        (_limited(total=(Rate(5, 60.0),)), Usage(spent={Budget("", 60.0): 5})),
    ],
)
async def test_limit_that_is_reached_asks_no_rule(policy: RoutePolicy, usage: Usage) -> None:
    """G8: a webhook is not called for a reply that may not be given."""
    costly, action = bot()
    made = runtime(costly, policy=policy)
    sent = await decided(made, usage=usage)
    assert (sent.limited, sent.xml, action.asked) == (True, EMPTY, [])
    route, evaluation = await begin(made, message(), NOW)
    evaluation = await ask_rules(made, route, message(), evaluation, usage, RuleServices())
    assert evaluation.forbidden == sent.reason
    assert (await decided(made)).messages


# Reactions

QUOTE = "Liked \u201cHello.\u201d"


async def test_reaction_to_our_answer_asks_no_rule_that_costs() -> None:
    """What was sent is known with the claim, before a webhook is called."""
    costly, action = bot()
    sent = await decided(runtime(costly), message(QUOTE), Usage(texts={HERE: ("Hello.",)}))
    assert (sent.reason, sent.xml, action.asked) == ("a reaction that quotes our own answer", EMPTY, [])
    assert (await decided(runtime(costly), message(QUOTE), Usage(texts={HERE: ("Bye.",)}))).messages


@pytest.mark.parametrize("words", [QUOTE, "Laughed at an image"])
async def test_reactions_may_be_answered(words: str) -> None:
    """`reactions = "answer"`: a text like any other, and nothing is looked up for it."""
    made = runtime(GOT_IT, policy=_limited(reactions="answer"))
    sent = await decided(made, message(words), Usage(texts={HERE: ("Hello.",)}))
    assert sent.rule == "ack"
    assert (await begin(made, message(words), NOW))[1].reaction is None


# Which messages are claimed first


@pytest.mark.parametrize(
    ("words", "rules", "claimed"),
    [
        ("hello", (GOT_IT,), False),
        ("hello", (HOURS, GOT_IT), False),
        ("hello", (HOURS, bot()[0]), True),
        ("STOP", (bot()[0],), False),
        ("HELP", (bot()[0],), False),
        ("START", (bot()[0],), True),  # of a person who is in it is a word like any other
        ("START", (GOT_IT,), False),
    ],
)
async def test_message_is_claimed_if_asking_its_rules_costs_something(
    words: str, rules: tuple[Rule, ...], *, claimed: bool
) -> None:
    """Rules that call out, and cooldowns, need a claim; everything else is decided in one go."""
    assert has_effects(*await begin(runtime(*rules), message(words), NOW)) is claimed


async def test_message_without_route_costs_nothing() -> None:
    """There is nobody to ask."""
    assert not has_effects(*await begin(runtime(bot()[0]), message(to=SHOP), NOW))
