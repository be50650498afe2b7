"""The walk of a message: guards, route, rules, answer, reasons. Pure: what is remembered is handed in."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import compiler

from app.engine import OPT_OUT, Decision, Engine, EngineOptions, Guards, Owner
from app.plivo import units
from app.plivo.messages import DeliveryReport, InboundMessage, Outgoing
from app.policies import limits
from app.policies.ledger import Fuse, Memory, OptOutChange, Origin, Pair, Step
from app.policies.limits import LimitOptions, Rate
from app.policies.opt_out import Mode, OptOutOptions
from app.rules import KindOptions
from app.rules.kinds import forward, keywords, silence, text
from app.rules.rule import Answers, Cooldown, Fails, Passes, Rule, RuleContext, Use, Verdict
from app.rules.services import RuleServices
from app.rules.table import Route, Table

UUID, CUSTOMER, US, SHOP, DUTY = compiler.UUID, compiler.CUSTOMER, compiler.US, "33644600001", "33612345678"
NOW, EMPTY, TOOLS = compiler.NINE, b"<Response/>", RuleServices()
OPTIONS = EngineOptions("https://sms.example.com/report", "POST")
HERE = Pair(US, CUSTOMER)
OUT = Memory(opted_out=frozenset({HERE}))


@dataclass
class _Says:
    """A rule's action with a prepared verdict, which counts how often it is asked."""

    verdict: Verdict
    always_answers: ClassVar[bool] = False
    calls_out: ClassVar[bool] = True
    has_cooldown: ClassVar[bool] = False
    asked: list[RuleContext] = field(default_factory=list)

    async def __call__(self, context: RuleContext) -> Verdict:
        self.asked.append(context)
        return self.verdict


def _rule(name: str, action: KindOptions | Answers | Passes | Fails, src: str | None = None) -> Rule:
    if isinstance(action, Answers | Passes | Fails):
        return Rule(name, (), _Says(action))
    return replace(compiler.good(action, src=src), name=name)


GOT_IT = _rule("ack", text.Options("Got it."))
HOURS = _rule("menu", keywords.Options({"HOURS": "9-18"}))


def _bot(words: str = "Hello.", uses: tuple[Use, ...] = ()) -> tuple[Rule, _Says]:
    """A rule that costs something, as a webhook does."""
    action = _Says(Answers((Outgoing(US, (CUSTOMER,), words),), "said so", uses))
    return Rule("bot", (), action), action


def _table(*rules: Rule, default: Route | None = None) -> Table:
    """One route for US."""
    route = Route("support", rules, {"shop": "Roma"}, ("crm",))
    names = {"support": route} | ({"default": default} if default else {})
    return Table({US: route}, names, default)


def _engine(*rules: Rule, guards: Guards | None = None, **by_route: Guards) -> Engine:
    return Engine(_table(*rules), replace(OPTIONS, guards=guards or Guards(), by_route=by_route))


def _message(words: str = "hello", **changes: Any) -> InboundMessage:
    return replace(InboundMessage(UUID, CUSTOMER, US, words), **changes)


async def _decide(engine: Engine, message: InboundMessage, memory: Memory = Memory()) -> Decision:  # noqa: B008 - frozen
    return await engine.decide(message, NOW, TOOLS, memory)


# Routes and rules


async def test_answer_is_xml_of_the_route_with_its_callback() -> None:
    """The reply goes from our number to the sender, and its reports come back under the inbound MessageUUID."""
    decision = await _decide(_engine(GOT_IT), _message())
    (message,) = ET.fromstring(decision.xml)
    assert message.attrib == {
        "src": US,
        "dst": CUSTOMER,
        "type": "sms",
        "callbackUrl": f"https://sms.example.com/report/{UUID}",
        "callbackMethod": "POST",
    }
    assert message.text == "Got it."
    assert (decision.route, decision.rule, decision.reason) == ("support", "ack", "fixed text")
    assert (decision.failed, decision.limited, decision.cut, decision.burning) == (False, False, False, None)
    assert decision.opt_out is None


async def test_callback_method_is_the_configured_one() -> None:
    """`callback_method = "GET"` reaches the XML."""
    engine = Engine(_table(GOT_IT), replace(OPTIONS, callback_method="GET"))
    assert ET.fromstring((await _decide(engine, _message())).xml)[0].get("callbackMethod") == "GET"


async def test_every_rule_leaves_a_step_with_its_reason() -> None:
    """G10: which rule answered and why each other did not."""
    engine = _engine(HOURS, _rule("bot", Fails("status 500")), GOT_IT, _rule("late", silence.Options(silence=True)))
    decision = await _decide(engine, _message())
    assert decision.steps == (
        Step("menu", "passes", "keywords: none of them is in the text"),
        Step("bot", "fails", "status 500"),
        Step("ack", "answers", "fixed text"),
        Step("late", "not asked", "an earlier rule had answered"),
    )
    assert not decision.failed


async def test_number_without_route_is_silence() -> None:
    """Nobody answers for a number that the file does not name."""
    decision = await _decide(_engine(GOT_IT), _message(to=SHOP))
    assert (decision.route, decision.xml) == (None, EMPTY)
    assert decision.reason == "no route has this number, and there is no default route"


async def test_other_numbers_have_the_default_route() -> None:
    """`to = "*"` answers from whatever number was texted."""
    default = Route("default", (_rule("text", text.Options("Hi from {to}.")),))
    decision = await _decide(Engine(_table(GOT_IT, default=default), OPTIONS), _message(to=SHOP))
    assert (decision.route, decision.messages) == ("default", (Outgoing(SHOP, (CUSTOMER,), "Hi from +33644600001."),))


async def test_mms_is_answered() -> None:
    """Only WhatsApp has no XML; a picture is a message like any other."""
    assert (await _decide(_engine(GOT_IT), _message(type="mms"))).messages


@pytest.mark.parametrize(
    ("rules", "reason", "failed"),
    [
        ((), "every rule passed", False),
        ((_rule("menu", Passes("no")),), "every rule passed", False),
        ((_rule("bot", Fails("status 500")), _rule("menu", Passes("no"))), "nothing answered, and a rule failed", True),
        ((_rule("quiet", silence.Options(silence=True)),), "silence on purpose", False),
    ],
)
async def test_silence_tells_why(rules: tuple[Rule, ...], reason: str, *, failed: bool) -> None:
    """All passed, one failed, or silence on purpose: three different things, none of which uses anything up."""
    decision = await _decide(_engine(*rules), _message())
    assert (decision.reason, decision.failed, decision.xml) == (reason, failed, EMPTY)
    assert (decision.text_key, decision.units, decision.uses, decision.scopes) == (None, 0, (), frozenset())


# What cannot be answered


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "whatsapp"}, "WhatsApp cannot be answered by Plivo XML"),
        ({"type": "whatsapp", "text": "STOP"}, "WhatsApp cannot be answered by Plivo XML"),
        ({"sender": US}, "the sender is one of our own numbers: a loop"),
        ({"sender": SHOP}, "the sender is one of our own numbers: a loop"),
        ({"sender": US, "text": "STOP"}, "the sender is one of our own numbers: a loop"),
        ({"sender": "33600000000", "to": "33600000000"}, "the sender is one of our own numbers: a loop"),
    ],
)
async def test_what_must_not_be_answered_is_silence_and_asks_no_rule(changes: dict[str, str], reason: str) -> None:
    """G8 and G10: silence has a reason; the rules, which may cost money, are not asked."""
    rule, action = _bot()
    route = Route("support", (rule,))
    default = Route("default", (rule,))
    table = Table({US: route, SHOP: Route("shop", ())}, {"support": route, "default": default}, default)
    engine, message = Engine(table, OPTIONS), _message(**changes)
    decision = await _decide(engine, message)
    assert (decision.rule, decision.reason, action.asked) == (None, reason, [])
    assert (decision.xml, decision.messages, decision.steps, decision.units) == (EMPTY, (), (), 0)
    assert decision.opt_out is None
    assert not engine.costs(message, await engine.begin(message, NOW))


async def test_alphanumeric_sender_gets_no_reply_and_is_still_forwarded() -> None:
    """A name cannot be texted, but what it wrote reaches the people on duty."""
    rule = _rule("duty", forward.Options(("+33612345678",), text="Thanks."))
    decision = await _decide(_engine(rule), _message(sender="AMAZON"))
    assert decision.messages == (Outgoing(US, (DUTY,), "AMAZON: hello"),)
    assert decision.reason == "forwarded to 1; an alphanumeric sender, or the number itself, cannot be texted"


async def test_alphanumeric_sender_alone_is_silence_with_a_reason() -> None:
    """Nothing is left to send, and the journal says why; nothing is counted as a reply."""
    decision = await _decide(_engine(GOT_IT), _message(sender="AMAZON"))
    assert (decision.xml, decision.rule, decision.text_key) == (EMPTY, "ack", None)
    assert decision.reason == "fixed text; an alphanumeric sender, or the number itself, cannot be texted"


async def test_src_never_equals_dst() -> None:
    """A rule that answers from the sender's own number would text itself: that message is left out."""
    decision = await _decide(_engine(_rule("ack", text.Options("Hi."), src=f"+{CUSTOMER}")), _message())
    assert (decision.xml, decision.messages) == (EMPTY, ())
    others = Answers((Outgoing(US, (US, CUSTOMER, "AMAZON"), "Hi."),), "said so")
    decision = await _decide(_engine(_rule("bot", others)), _message())
    assert decision.messages == (Outgoing(US, (CUSTOMER,), "Hi."),)


@pytest.mark.parametrize(
    ("messages", "count"),
    [
        ((), 0),
        ((Outgoing(US, (CUSTOMER,), "a" * 160),), 1),
        ((Outgoing(US, (CUSTOMER,), "a" * 161),), 2),
        ((Outgoing(US, (CUSTOMER, DUTY, "33612345679"), "a" * 161),), 6),
        ((Outgoing(US, (CUSTOMER,), "a"), Outgoing(US, (DUTY,), "\u2013" * 71)), 3),
        ((Outgoing(US, (CUSTOMER, US), "a"),), 1),
    ],
)
async def test_units_are_what_plivo_bills(messages: tuple[Outgoing, ...], count: int) -> None:
    """Units of each message times its recipients, of what is really sent."""
    assert (await _decide(_engine(_rule("bot", Answers(messages, "said so"))), _message())).units == count


@pytest.mark.parametrize("words", ["\0", "\x1b \x07", "\ud83d"])
async def test_text_that_xml_cannot_hold_is_silence(words: str) -> None:
    """What would leave as an empty message, which Plivo refuses, does not leave."""
    decision = await _decide(_engine(_bot(words)[0]), _message())
    assert (decision.xml, decision.units) == (EMPTY, 0)


# what G9 promises: opt-out


@pytest.mark.parametrize(("words", "word"), [("STOP", "STOP"), (" stop. ", "STOP"), ("stop all", "STOP ALL")])
async def test_stop_is_confirmed_once_and_asks_no_rule(words: str, word: str) -> None:
    """STOP comes before every route: one confirmation, the change with its proof, and no rule is asked."""
    rule, action = _bot()
    engine, message = _engine(rule), _message(words)
    decision = await _decide(engine, message)
    assert [one.text for one in decision.messages] == ["You will get no more messages. START to resume."]
    assert decision.opt_out == OptOutChange(HERE, True, NOW, UUID, word, "V3", "message")
    assert (decision.route, decision.rule, action.asked, decision.steps) == ("support", OPT_OUT, [], ())
    again = await _decide(engine, message, OUT)
    assert (again.xml, again.opt_out, again.reason) == (EMPTY, None, f"{word}, confirmed before")


@pytest.mark.parametrize("words", ["hello", "HOURS", "HELP", "hours", "?"])
async def test_nobody_who_opted_out_is_texted_and_no_rule_is_asked(words: str) -> None:
    """G9: silence until START, whatever is written; a webhook is not asked for a person who may get no answer."""
    rule, action = _bot()
    decision = await _decide(_engine(HOURS, rule), _message(words), OUT)
    assert (decision.xml, decision.messages, action.asked) == (EMPTY, (), [])
    assert decision.reason == "this person has opted out"


async def test_start_ends_the_silence() -> None:
    """START of a person who is out: back in, and welcomed; no rule is asked."""
    rule, action = _bot()
    decision = await _decide(_engine(rule), _message("start"), OUT)
    assert [one.text for one in decision.messages] == ["Welcome back."]
    assert decision.opt_out is not None
    assert (decision.opt_out.out, decision.rule, action.asked) == (False, OPT_OUT, [])


async def test_start_of_a_person_who_is_in_is_a_word_like_any_other() -> None:
    """START is read only of somebody who is opted out: a shop may have a keyword START."""
    rule = _rule("menu", keywords.Options({"START": "Welcome to the quiz."}))
    decision = await _decide(_engine(rule), _message("START"))
    assert ([one.text for one in decision.messages], decision.rule) == (["Welcome to the quiz."], "menu")
    assert decision.opt_out is None


async def test_opt_out_is_of_one_number() -> None:
    """The scope is the pair: another number of ours may still text that person."""
    default = Route("default", (GOT_IT,))
    engine = Engine(_table(GOT_IT, default=default), OPTIONS)
    assert (await _decide(engine, _message(to=SHOP), OUT)).messages
    assert not (await _decide(engine, _message(), OUT)).messages


async def test_opted_out_recipient_of_a_forward_is_removed() -> None:
    """G9 holds for whoever a message goes to, by the number that it goes from."""
    rule = _rule("duty", forward.Options(("+33612345678", "+33612345679")))
    memory = Memory(opted_out=frozenset({Pair(US, DUTY)}))
    decision = await _decide(_engine(rule), _message(), memory)
    assert decision.messages == (Outgoing(US, ("33612345679",), "+33700000001: hello"),)
    assert (decision.reason, decision.units) == ("forwarded to 2; somebody has opted out", 1)
    both = Memory(opted_out=frozenset({Pair(US, DUTY), Pair(US, "33612345679")}))
    assert (await _decide(_engine(rule), _message(), both)).xml == EMPTY


async def test_src_decides_whose_opt_out_counts() -> None:
    """A rule that answers from another number asks whether the person opted out of that one."""
    engine = _engine(_rule("ack", text.Options("Hi."), src=f"+{SHOP}"))
    assert not (await _decide(engine, _message(), Memory(opted_out=frozenset({Pair(SHOP, CUSTOMER)})))).messages
    draft = await engine.draft(_message(), await engine.begin(_message(), NOW), TOOLS, Memory())
    assert engine.recall(_message(), draft).people == {HERE, Pair(SHOP, CUSTOMER)}


async def test_recall_names_everybody_who_would_get_a_message() -> None:
    """What is remembered is asked for the pair and for each recipient, so that no forward slips through."""
    engine = _engine(_rule("duty", forward.Options(("+33612345678",), text="Thanks.")))
    draft = await engine.draft(_message(), await engine.begin(_message(), NOW), TOOLS, Memory())
    recall = engine.recall(_message(), draft)
    assert (recall.now, recall.pair, recall.people) == (NOW, HERE, frozenset({HERE, Pair(US, DUTY)}))


async def test_confirmation_of_a_number_without_route_is_not_sent() -> None:
    """Nobody answers for that number, but the opt-out is kept."""
    decision = await _decide(_engine(GOT_IT), _message("STOP", to=SHOP))
    assert (decision.xml, decision.route, decision.opt_out is not None) == (EMPTY, None, True)


async def test_stop_of_a_name_is_kept_though_it_cannot_be_confirmed() -> None:
    """An alphanumeric sender cannot be texted; its wish counts all the same."""
    decision = await _decide(_engine(GOT_IT), _message("STOP", sender="AMAZON"))
    assert decision.xml == EMPTY
    assert decision.opt_out is not None


@pytest.mark.parametrize(
    ("rules", "intent", "text_", "rule"),
    [
        ((), "", "Reply STOP to end.", OPT_OUT),
        ((GOT_IT,), "", "Reply STOP to end.", OPT_OUT),
        ((_rule("menu", keywords.Options({"INFO": "We sell shoes."})),), "", "We sell shoes.", "menu"),
        ((GOT_IT, _rule("menu", keywords.Options({"INFO *": "Shoes."}))), "", "Got it.", "ack"),
        ((_rule("menu", keywords.Options({"INFO": "We sell shoes."})),), "help", None, OPT_OUT),
        ((HOURS,), "", "Reply STOP to end.", OPT_OUT),
    ],
)
async def test_help_is_ours_unless_a_keyword_of_the_route_has_the_word(
    rules: tuple[Rule, ...], intent: str, text_: str | None, rule: str
) -> None:
    """DESIGN 3.1: a keyword of the route wins over HELP and INFO, but not over MessageIntent=help."""
    decision = await _decide(_engine(*rules), _message("Info", intent=intent))
    assert [one.text for one in decision.messages] == ([text_] if text_ else [])
    assert decision.rule == rule


async def test_help_asks_nobody_outside() -> None:
    """Whether a keyword has the word is known without a call."""
    rule, action = _bot()
    assert (await _decide(_engine(rule), _message("HELP"))).rule == OPT_OUT
    assert action.asked == []


async def test_unsigned_stop_and_start_change_nothing_and_say_nothing() -> None:
    """G1: in log-only mode what was not verified changes no opt-out."""
    engine = _engine(GOT_IT)
    for words, memory in (("STOP", Memory()), ("START", OUT), ("STOP", OUT)):
        draft = await engine.draft(_message(words), await engine.begin(_message(words), NOW), TOOLS, memory)
        decision = engine.judge(_message(words), draft, memory, signed_by="")
        assert (decision.opt_out, decision.xml) == (None, EMPTY)
        assert decision.reason == f"{words}, but nobody signed it, so it changes nothing"


async def test_unsigned_start_of_a_person_who_is_in_is_answered() -> None:
    """Where START means nothing to opt-out, nobody needs to have signed it."""
    engine, memory = _engine(GOT_IT), Memory()
    draft = await engine.draft(_message("START"), await engine.begin(_message("START"), NOW), TOOLS, memory)
    assert engine.judge(_message("START"), draft, memory, signed_by="").rule == "ack"


async def test_opt_out_that_came_while_the_rules_were_asked_counts() -> None:
    """G9 at the last moment: a STOP between draft and judgement silences the drafted answer."""
    engine = _engine(GOT_IT)
    draft = await engine.draft(_message(), await engine.begin(_message(), NOW), TOOLS, Memory())
    decision = engine.judge(_message(), draft, OUT, signed_by="V3")
    assert (decision.xml, decision.reason) == (EMPTY, "this person has opted out")


async def test_route_has_its_own_words_and_mode() -> None:
    """`opt_out` of a route beats the common one for that route only."""
    own = Guards(OptOutOptions(mode="off"))
    assert (await _decide(_engine(GOT_IT, support=own), _message("STOP"))).rule == "ack"
    assert (await _decide(_engine(GOT_IT, other=own), _message("STOP"))).rule == OPT_OUT


@given(
    st.sampled_from(["auto", "plivo", "self"]),
    st.sampled_from(["", "optout", "help", "junk"]),
    st.sampled_from(["STOP", "HELP", "INFO", "HOURS", "hello", "", "cancel!"]) | st.text(max_size=10),
    st.sampled_from(["sms", "mms", "whatsapp"]),
)
async def test_after_an_opt_out_nothing_is_sent(mode: Mode, intent: str, words: str, kind: str) -> None:
    """G9: whatever a person who is out writes, short of START, no message leaves to them."""
    message = _message(words, intent=intent, type=kind)
    engine = _engine(HOURS, GOT_IT, guards=Guards(OptOutOptions(mode=mode)))
    draft = await engine.begin(message, NOW)
    decision = await _decide(engine, message, OUT)
    if draft.sign is None or draft.sign.kind != "start":
        assert (decision.messages, decision.xml) == ((), EMPTY)


# what G8 promises: limits


def _limited(**changes: Any) -> Guards:
    return Guards(limits=replace(LimitOptions(per_sender=(), same_text=(), total=()), **changes))


KEY = limits.text_key(_message("hello"))


@pytest.mark.parametrize(
    ("guards", "memory", "reason"),
    [
        (_limited(per_sender=(Rate(2, 60.0),)), Memory(replies=((NOW - 1, "a"), (NOW - 2, "b"))), "per_sender 2/1m"),
        (_limited(same_text=(Rate(1, 60.0),)), Memory(replies=((NOW - 1, KEY),)), "same_text 1/1m"),
        (_limited(total=(Rate(5, 60.0),)), Memory(spent={Fuse("", 60.0): 5}), "total 5/1m"),
        (
            _limited(fuses={"support": (Rate(5, 60.0),)}),
            Memory(spent={Fuse("route support", 60.0): 5}),
            "total 5/1m of route support",
        ),
    ],
)
async def test_limit_silences_and_no_rule_is_asked(guards: Guards, memory: Memory, reason: str) -> None:
    """G8: a limit that is reached is silence with its name; a webhook is not even asked."""
    rule, action = _bot()
    engine = _engine(rule, guards=guards)
    decision = await _decide(engine, _message(), memory)
    assert (decision.xml, decision.rule, decision.reason) == (EMPTY, None, f"limit: {reason}")
    assert (decision.limited, decision.text_key, decision.units, action.asked) == (True, None, 0, [])
    assert (await _decide(engine, _message())).messages


async def test_limit_that_was_reached_while_the_rules_were_asked_counts() -> None:
    """G8 at the last moment: the drafted answer is judged against what was said meanwhile."""
    rule, action = _bot("Hello.", (Use("bot", 60.0),))
    engine = _engine(rule, guards=_limited(per_sender=(Rate(1, 60.0),)))
    draft = await engine.draft(_message(), await engine.begin(_message(), NOW), TOOLS, Memory())
    decision = engine.judge(_message(), draft, Memory(replies=((NOW - 1, "a"),)), signed_by="V3")
    assert (decision.limited, decision.xml, decision.uses, len(action.asked)) == (True, EMPTY, (), 1)


async def test_limit_that_is_over_when_it_is_judged_stays_silent() -> None:
    """Rules that were not asked cannot answer any more; the reason says that a limit held when the message came."""
    rule, action = _bot()
    engine = _engine(rule, guards=_limited(per_sender=(Rate(1, 60.0),)))
    draft = await engine.draft(
        _message(), await engine.begin(_message(), NOW), TOOLS, Memory(replies=((NOW - 1, "a"),))
    )
    decision = engine.judge(_message(), draft, Memory(), signed_by="V3")
    assert (decision.xml, decision.limited, decision.failed, action.asked) == (EMPTY, True, False, [])


async def test_fuse_counts_units_times_recipients() -> None:
    """G8: the money fuse is burnt by what Plivo bills, forwards included, and never passed by one answer."""
    rule = _rule("duty", forward.Options(("+33612345678", "+33612345679"), text="Thanks."))
    for count, sent in ((3, True), (2, False)):
        engine = _engine(rule, guards=_limited(total=(Rate(count, 60.0),)))
        decision = await _decide(engine, _message())
        assert (bool(decision.messages), decision.limited) == (sent, not sent)


async def test_fuse_at_80_percent_is_told_once() -> None:
    """The answer that takes a fuse over 80 % says so; those before and behind it do not."""
    engine = _engine(GOT_IT, guards=_limited(total=(Rate(10, 60.0),)))
    said = [(await _decide(engine, _message(), Memory(spent={Fuse("", 60.0): spent}))).burning for spent in range(10)]
    assert said == [None] * 7 + ["total 10/1m"] + [None] * 2


async def test_answer_says_what_it_uses_up() -> None:
    """What is recorded with the answer: its text, the fuses that it burns, its cooldowns."""
    rule, _ = _bot("Hello.", (Use("bot", 60.0),))
    engine = _engine(rule, guards=_limited(total=(Rate(9, 60.0),), fuses={"support": (Rate(9, 60.0),)}))
    decision = await _decide(engine, _message())
    assert (decision.text_key, decision.scopes) == (KEY, frozenset({"", "route support"}))
    assert (decision.uses, decision.units) == ((Use("bot", 60.0),), 1)


async def test_route_has_its_own_limits() -> None:
    """`limits` of a route beat the common ones for that route only."""
    memory = Memory(replies=((NOW - 1, "a"),))
    own = _limited(per_sender=(Rate(1, 60.0),))
    assert (await _decide(_engine(GOT_IT, guards=_limited(), support=own), _message(), memory)).limited
    assert not (await _decide(_engine(GOT_IT, guards=_limited(), other=own), _message(), memory)).limited
    assert not (await _decide(_engine(GOT_IT, guards=own, support=_limited()), _message(), memory)).limited


async def test_stop_beyond_a_limit_is_kept_without_a_confirmation() -> None:
    """A robot that says STOP for ever is not confirmed for ever, but its opt-out is kept."""
    engine = _engine(GOT_IT, guards=_limited(per_sender=(Rate(1, 60.0),)))
    decision = await _decide(engine, _message("STOP"), Memory(replies=((NOW - 1, "a"),)))
    assert (decision.xml, decision.limited, decision.opt_out is not None) == (EMPTY, True, True)


async def test_exempt_sender_is_not_limited() -> None:
    """`exempt`: a test phone may ask for ever, until the fuse burns."""
    guards = _limited(per_sender=(Rate(1, 60.0),), exempt=frozenset({CUSTOMER}))
    memory = Memory(replies=((NOW - 1, KEY),) * 9)
    assert (await _decide(_engine(GOT_IT, guards=guards), _message(), memory)).messages
    assert not (await _decide(_engine(GOT_IT, guards=guards), _message(sender="33700000002"), memory)).messages


async def test_long_text_is_cut_to_max_units() -> None:
    """G8: a dynamic text over max_units ends in "..." within them, and the decision says so."""
    decision = await _decide(_engine(_bot("a" * 1000)[0], guards=_limited(max_units=2)), _message())
    assert (decision.messages[0].text, decision.cut, decision.units) == ("a" * 303 + "...", True, 2)
    decision = await _decide(_engine(_bot("a" * 306)[0], guards=_limited(max_units=2)), _message())
    assert (decision.messages[0].text, decision.cut) == ("a" * 306, False)


@given(st.text(st.sampled_from("a \u20ac\u2013\U0001f600\U0001f44d\U0001f3fd"), max_size=300), st.integers(1, 3))
async def test_cut_text_is_a_beginning_and_whole_characters(words: str, most: int) -> None:
    """Within the limit in every script; what is left is the text's beginning, no emoji is cut into half a pair."""
    decision = await _decide(_engine(_bot(words)[0], guards=_limited(max_units=most)), _message())
    for message in decision.messages:
        assert units.count(message.text) <= most
        beginning = message.text.removesuffix("...") if decision.cut else message.text
        assert words.startswith(beginning)
        halves = ET.fromstring(decision.xml)[0].text
        assert halves == message.text
        assert len(message.text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")) == len(message.text)
    assert decision.cut == (bool(decision.messages) and units.count(words) > most)


# Cooldowns


async def test_cooldown_that_began_while_the_rules_were_asked_counts() -> None:
    """Two messages of one person at once: the one judged second is silent."""
    rule, _ = _bot("Hello.", (Use("bot", 60.0),))
    engine = _engine(rule)
    draft = await engine.draft(_message(), await engine.begin(_message(), NOW), TOOLS, Memory())
    for ago, silent in ((0.0, True), (59.0, True), (60.0, False), (61.0, False), (-1.0, True)):
        decision = engine.judge(_message(), draft, Memory(cooldowns={"bot": NOW - ago}), signed_by="V3")
        assert (decision.xml == EMPTY) is silent, ago
        assert (decision.uses == ()) is silent
    decision = engine.judge(_message(), draft, Memory(cooldowns={"bot": NOW}), signed_by="V3")
    assert decision.reason == "cooldown: another message of this sender was answered meanwhile"
    other = engine.judge(_message(), draft, Memory(cooldowns={"other": NOW}), signed_by="V3")
    assert other.messages


async def test_silence_uses_nothing_up() -> None:
    """An answer of which nothing can be sent begins no cooldown."""
    rule = replace(GOT_IT, cooldown=Cooldown(60.0))
    decision = await _decide(_engine(rule), _message(sender="AMAZON"))
    assert (decision.messages, decision.uses) == ((), ())


# Which messages are claimed first


@pytest.mark.parametrize(
    ("words", "rules", "claimed"),
    [
        ("hello", (GOT_IT,), False),
        ("hello", (HOURS, GOT_IT), False),
        ("hello", (_bot()[0],), True),
        ("hello", (HOURS, _bot()[0]), True),
        ("hello", (replace(GOT_IT, cooldown=Cooldown(60.0)),), True),
        ("hello", (_rule("menu", keywords.Options({"X": keywords.Entry("y", cooldown=60.0)})),), True),  # type: ignore[arg-type]
        ("STOP", (_bot()[0],), False),
        ("HELP", (_bot()[0],), False),
        ("START", (_bot()[0],), True),  # of a person who is in it is a word like any other
        ("START", (GOT_IT,), False),
    ],
)
async def test_message_is_claimed_if_asking_its_rules_costs_something(
    words: str, rules: tuple[Rule, ...], *, claimed: bool
) -> None:
    """DESIGN 5: rules that call out, and cooldowns, need a claim; everything else is decided in one go."""
    engine = _engine(*rules)
    assert engine.costs(_message(words), await engine.begin(_message(words), NOW)) is claimed


async def test_message_without_route_costs_nothing() -> None:
    """There is nobody to ask."""
    engine, message = _engine(_bot()[0]), _message(to=SHOP)
    assert not engine.costs(message, await engine.begin(message, NOW))


async def test_judging_twice_says_the_same() -> None:
    """Pure: the transaction may be tried again."""
    engine, memory = _engine(GOT_IT), Memory(replies=((NOW - 1, KEY),))
    draft = await engine.draft(_message(), await engine.begin(_message(), NOW), TOOLS, memory)
    assert engine.judge(_message(), draft, memory, signed_by="V3") == engine.judge(
        _message(), draft, memory, signed_by="V3"
    )


# Whose report it is


def _report(in_reply_to: str | None, sender: str = US) -> DeliveryReport:
    return DeliveryReport("r1", "sent-1", "delivered", sender, CUSTOMER, 1, "", 1, in_reply_to, ())


def _with_three_routes() -> Engine:
    default = Route("default", (), targets=("web",))
    table = _table(GOT_IT, default=default)
    sales = Route("sales", (), targets=("erp",))
    return Engine(Table({**table.by_number, SHOP: sales}, {**table.by_name, "sales": sales}, default), OPTIONS)


ANSWERED = Origin("support", "ack")


@pytest.mark.parametrize(
    ("origin", "sender", "owner"),
    [
        (ANSWERED, US, Owner("support", "ack", ("crm",))),
        (ANSWERED, SHOP, Owner("support", "ack", ("crm",))),  # `src` sent it: the journal knows better than From
        (ANSWERED, "", Owner("support", "ack", ("crm",))),
        (None, SHOP, Owner("sales", None, ("erp",))),
        (None, US, Owner("support", None, ("crm",))),
        (None, "33600000000", Owner("default", None, ("web",))),
        (None, "", Owner("default", None, ("web",))),
        (Origin(None, None), US, Owner("support", None, ("crm",))),
        (Origin("gone", "ack"), SHOP, Owner("gone", "ack", ("erp",))),  # a reload took the route away
    ],
)
def test_report_belongs_to_the_journals_route_else_to_the_number_else_to_the_default(
    origin: Origin | None, sender: str, owner: Owner
) -> None:
    """DESIGN 3.2: journal -> From -> default; a report is never refused for its content's sake."""
    assert _with_three_routes().owner(origin, _report(UUID, sender)) == owner


@pytest.mark.parametrize("origin", [None, Origin("gone", "ack")])
def test_report_without_a_route_is_for_all_targets(origin: Origin | None) -> None:
    """Neither journal nor number nor default route: it was sent by other means, and nobody is left out."""
    owner = Owner(origin.route, origin.rule, None) if origin else Owner(None, None, None)
    assert _engine(GOT_IT).owner(origin, _report("unknown", SHOP)) == owner


async def test_mode_off_knows_no_opt_outs() -> None:
    """`mode = "off"`: what was remembered in another mode holds nothing back."""
    memory = Memory(opted_out=frozenset({Pair(US, CUSTOMER)}))
    off = Guards(opt_out=OptOutOptions(mode="off"))
    assert (await _decide(_engine(GOT_IT, guards=off), _message(), memory)).messages
    assert not (await _decide(_engine(GOT_IT), _message(), memory)).messages
