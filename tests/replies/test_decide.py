"""From what the rules came to to what is sent, pure: what is remembered is handed in."""

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runtimes import CALLBACK, CUSTOMER, DUTY, NOW, SHOP, US, UUID, message

from app.plivo import units
from app.plivo.markup import EMPTY
from app.plivo.messages import InboundMessage, Outgoing
from app.policies import limits, reactions
from app.policies.limits import LimitOptions, Rate, for_route
from app.policies.opt_out import OptOutSignal, RouteOptOut
from app.policies.policies import Policies, RoutePolicy
from app.policies.usage import Budget, Conversation, OptOutChange, OptOutState, PastReply, Usage
from app.replies.decide import Candidate, admit, candidate, refused_early, still_allowed, usage_query
from app.replies.proposals import Evaluation, Proposal
from app.replies.reasons import OPT_OUT
from app.rules.outcome import Answers, Outcome, Step, Use

HERE = Conversation(US, CUSTOMER)
ANNA, BEN = DUTY, "33612345679"
STOP = OptOutSignal("stop", "STOP", by_plivo=False)
START = OptOutSignal("start", "START", by_plivo=False)
GOT_IT = (Outgoing(US, (CUSTOMER,), "Got it."),)
KEY = limits.text_key("hello", ())


def _policy(own_total: tuple[Rate, ...] = (), **changes: Any) -> RoutePolicy:
    """Without limits, but for these."""
    options = replace(LimitOptions(per_sender=(), same_text=(), total=()), **changes)
    return RoutePolicy(limits=for_route(options, "support", replace(options, total=own_total)))


def _outcome(messages: tuple[Outgoing, ...] = GOT_IT, uses: tuple[Use, ...] = (), *, forwards: bool = False) -> Outcome:
    answer = Answers(messages, "said so", uses, forwards)
    return Outcome(answer, "bot", (Step("bot", "answers", "said so"),))


SAID_SO = _outcome()


def _candidate(
    outcome: Outcome | None = SAID_SO,
    one: InboundMessage | None = None,
    *,
    policies: Policies | None = None,
    signed_by: str = "V3",
    **evaluation: Any,
) -> Candidate:
    policies = policies or Policies(_policy())
    known: dict[str, Any] = {"route": "support", "policy": policies.default, "signal": None, "outcome": outcome}
    return candidate(one or message(), Evaluation(NOW, **(known | evaluation)), policies, CALLBACK, signed_by)


def _out(*pairs: Conversation) -> Usage:
    """These have opted out."""
    usage = Usage()
    for order, (number, person) in enumerate(pairs):
        usage.opt_outs.setdefault(person, {})[number] = OptOutState(True, None, order)
    return usage


# What is sent


def test_answer_is_xml_with_the_callback_of_its_message() -> None:
    """The reply goes from our number to the sender, and its reports come back under the inbound MessageUUID."""
    sent = admit(_candidate(), Usage())
    (element,) = ET.fromstring(sent.xml)
    assert element.attrib == {
        "src": US,
        "dst": CUSTOMER,
        "type": "sms",
        "callbackUrl": f"{CALLBACK.url}/{UUID}",
        "callbackMethod": "POST",
    }
    assert (element.text, sent.rule, sent.reason, sent.units) == ("Got it.", "bot", "said so", 1)
    assert json.loads(sent.steps) == [{"rule": "bot", "verdict": "answers", "reason": "said so"}]


@pytest.mark.parametrize(
    ("evaluation", "reason"),
    [
        (
            {"unanswerable": "WhatsApp messages cannot be answered with Plivo XML"},
            "WhatsApp messages cannot be answered with Plivo XML",
        ),
        ({"route": None, "outcome": None}, "no route for this number, and no default route"),
        ({"outcome": Outcome(None, None, (Step("menu", "passes", "no"),))}, "every rule passed"),
        ({"outcome": Outcome(None, None, (Step("b", "fails", "x"),))}, "no rule answered, and at least one failed"),
        ({"outcome": Outcome(Answers((), "silence on purpose"), "quiet", ())}, "silence on purpose"),
        ({"outcome": None}, "this person had opted out when the message arrived"),
        ({"outcome": None, "forbidden": "limit: total 5/1d"}, "limit: total 5/1d"),
    ],
)
def test_silence_has_its_reason_and_uses_nothing_up(evaluation: dict[str, Any], reason: str) -> None:
    """G10: each kind of silence is told apart in the journal."""
    usage = Usage()
    sent = admit(_candidate(**evaluation), usage)
    assert (sent.reason, sent.xml, sent.messages, sent.units) == (reason, EMPTY, (), 0)
    assert (sent.failed, sent.limited) == ("failed" in reason, reason.startswith("limit"))
    assert usage == Usage()


@pytest.mark.parametrize(
    ("messages", "count"),
    [
        ((), 0),
        ((Outgoing(US, (CUSTOMER,), "a" * 160),), 1),
        ((Outgoing(US, (CUSTOMER,), "a" * 161),), 2),
        ((Outgoing(US, (CUSTOMER, ANNA, BEN), "a" * 161),), 6),
        ((Outgoing(US, (CUSTOMER,), "a"), Outgoing(US, (ANNA,), "\u2013" * 71)), 3),
        ((Outgoing(US, (CUSTOMER, US, "AMAZON"), "a"),), 1),
    ],
)
def test_units_are_what_plivo_bills(messages: tuple[Outgoing, ...], count: int) -> None:
    """Units of each message times its recipients, of what is really sent."""
    assert admit(_candidate(_outcome(messages)), Usage()).units == count


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ((Outgoing(US, ("AMAZON",), "Hi."),), ()),  # a name cannot be texted
        ((Outgoing(CUSTOMER, (CUSTOMER,), "Hi."),), ()),  # src never equals dst
        ((Outgoing(US, (US, CUSTOMER, "AMAZON"), "Hi."),), (Outgoing(US, (CUSTOMER,), "Hi."),)),
    ],
)
def test_who_cannot_be_texted_is_left_out_and_the_reason_says_so(
    messages: tuple[Outgoing, ...], sent: tuple[Outgoing, ...]
) -> None:
    """What is left is sent; if nothing is, no cooldown begins."""
    decided = admit(_candidate(_outcome(messages, (Use("bot", 60.0),))), Usage())
    assert decided.messages == sent
    assert decided.reason == "said so; alphanumeric senders and the number itself cannot be texted"
    assert bool(decided.uses) is bool(sent)


@pytest.mark.parametrize("words", ["\0", "\x1b \x07", "\ud83d"])
def test_text_that_xml_cannot_hold_is_silence(words: str) -> None:
    """What would leave as an empty message, which Plivo refuses, does not leave."""
    assert admit(_candidate(_outcome((Outgoing(US, (CUSTOMER,), words),))), Usage()).xml == EMPTY


def test_long_text_is_cut_to_max_units() -> None:
    """G8: a dynamic text over max_units ends in "..." within them, and the proposal says so."""
    policies = Policies(_policy(max_units=2))
    cut, whole = (
        admit(_candidate(_outcome((Outgoing(US, (CUSTOMER,), "a" * count),)), policies=policies), Usage())
        for count in (1000, 306)
    )
    assert (cut.messages[0].text, cut.cut, cut.units) == ("a" * 303 + "...", True, 2)
    assert (whole.messages[0].text, whole.cut) == ("a" * 306, False)


@given(st.text(st.sampled_from("a \u20ac\u2013\U0001f600\U0001f44d\U0001f3fd"), max_size=300), st.integers(1, 3))
def test_cut_text_is_a_beginning_and_whole_characters(words: str, most: int) -> None:
    """Within the limit in every script; what is left is the text's beginning, no emoji is cut into half a pair."""
    outcome = _outcome((Outgoing(US, (CUSTOMER,), words),))
    decided = admit(_candidate(outcome, policies=Policies(_policy(max_units=most))), Usage())
    for one in decided.messages:
        assert units.count(one.text) <= most
        assert words.startswith(one.text.removesuffix("...") if decided.cut else one.text)
        assert ET.fromstring(decided.xml)[0].text == one.text
    assert decided.cut == (bool(decided.messages) and units.count(words) > most)


# Opt-out: G9


def test_stop_is_confirmed_once() -> None:
    """One confirmation, with the change and its evidence; the next STOP is silence."""
    usage = Usage()
    first = admit(_candidate(signal=STOP, outcome=None), usage)
    assert [one.text for one in first.messages] == ["You will get no more messages. START to resume."]
    assert first.change == OptOutChange(HERE, True, NOW, UUID, "STOP", "V3", "message")
    assert first.rule == OPT_OUT
    again = admit(_candidate(one=message("STOP", message_uuid="another"), signal=STOP, outcome=None), usage)
    assert (again.xml, again.change, again.reason) == (EMPTY, None, "STOP: already opted out")


def test_start_ends_the_silence_of_a_person_who_is_out() -> None:
    """Back in, and welcomed; for a person who is in it is a word that the rules have answered."""
    usage = _out(HERE)
    back = admit(_candidate(signal=START), usage)
    assert ([one.text for one in back.messages], back.rule) == (["Welcome back."], OPT_OUT)
    assert back.change is not None
    assert not back.change.opted_out
    assert admit(_candidate(one=message("START", message_uuid="another"), signal=START), usage).messages == GOT_IT


def test_opt_out_that_came_while_the_rules_were_asked_counts() -> None:
    """At the last moment: a STOP between the rules' answer and its admission silences it."""
    silent = admit(_candidate(), _out(HERE))
    assert (silent.xml, silent.reason, silent.rule) == (EMPTY, "this person has opted out", OPT_OUT)


def test_opt_out_of_another_number_or_person_does_not_count() -> None:
    """By default an opt-out is of one person from one number."""
    usage = _out(Conversation(SHOP, CUSTOMER), Conversation(US, "33700000002"))
    assert admit(_candidate(), usage).messages == GOT_IT


@pytest.mark.parametrize(("signal", "usage"), [(STOP, Usage()), (START, _out(HERE)), (STOP, _out(HERE))])
def test_unsigned_request_changes_no_opt_out(signal: OptOutSignal, usage: Usage) -> None:
    """G1: what was not verified neither stops nor starts, and nothing is said."""
    decided = admit(_candidate(signal=signal, outcome=None, signed_by=""), usage)
    assert (decided.change, decided.xml) == (None, EMPTY)
    assert decided.reason == f"{signal.word} ignored: the request was not signed"


def test_unsigned_start_of_a_person_who_is_in_is_answered() -> None:
    """Where START means nothing to opt-out, nobody needs to have signed it."""
    assert admit(_candidate(signal=START, signed_by=""), Usage()).rule == "bot"


def test_confirmation_of_a_number_without_route_is_not_sent() -> None:
    """Nobody answers for that number, but the opt-out is kept."""
    decided = admit(_candidate(signal=STOP, route=None, outcome=None), Usage())
    assert (decided.xml, decided.change is not None) == (EMPTY, True)


def test_stop_of_a_name_is_kept_though_it_cannot_be_confirmed() -> None:
    """An alphanumeric sender cannot be texted; its wish counts all the same."""
    decided = admit(_candidate(one=message("STOP", sender="AMAZON"), signal=STOP, outcome=None), Usage())
    assert (decided.xml, decided.change is not None) == (EMPTY, True)


def test_everybody_who_would_get_a_message_is_looked_up() -> None:
    """By the one number that stands for a person, so that no form of a number slips through."""
    sent = (Outgoing(US, ("5491112345678",), "x"), Outgoing(SHOP, (CUSTOMER, BEN), "y"))
    assert _candidate(_outcome(sent)).query.people == {CUSTOMER, "541112345678", BEN}


@pytest.mark.parametrize(
    ("out", "dst", "reason"),
    [
        ((), (ANNA, BEN), "forwarded to 2"),
        ((ANNA,), (BEN,), "forwarded to 1; 1 of the recipients has opted out"),
        ((ANNA, BEN), (), "forwarded to nobody: all recipients have opted out"),
    ],
)
@pytest.mark.parametrize("text", [(), (Outgoing(US, (CUSTOMER,), "A person will answer."),)])
def test_forward_tells_whom_it_reaches(
    out: tuple[str, ...], dst: tuple[str, ...], reason: str, text: tuple[Outgoing, ...]
) -> None:
    """G9 holds for whoever a message goes to; reason and units speak of who is really texted, not of who was meant."""
    outcome = _outcome((Outgoing(US, (ANNA, BEN), "+33700000001: hello"), *text), forwards=True)
    decided = admit(_candidate(outcome), _out(*(Conversation(US, person) for person in out)))
    assert (decided.messages[0].dst if dst else ()) == dst
    assert (decided.reason, decided.units) == (reason, len(dst) + len(text))
    assert decided.unreached is (not dst)
    assert [one.text for one in decided.messages if one.dst == (CUSTOMER,)] == [one.text for one in text]


def test_src_decides_whose_opt_out_counts() -> None:
    """A rule that answers from another number asks whether the person opted out of that one."""
    outcome = _outcome((Outgoing(SHOP, (CUSTOMER,), "Hi."),))
    decided = admit(_candidate(outcome), _out(Conversation(SHOP, CUSTOMER)))
    assert (decided.messages, decided.reason) == ((), "said so: all recipients have opted out")


@pytest.mark.parametrize(("ours", "bound"), [({US: "off"}, True), ({SHOP: "off"}, False)])
def test_mode_of_the_number_that_texts_decides(ours: dict[str, Any], *, bound: bool) -> None:
    """Mode "off" of the route that was texted does not free another route's number from its opt-outs."""
    by_route = {number: RoutePolicy(RouteOptOut(mode), _policy().limits) for number, mode in ours.items()}
    policies = Policies(_policy(), by_route, {US: US, SHOP: SHOP}.get)
    outcome = _outcome((Outgoing(SHOP, (CUSTOMER,), "Hi."),))
    ready = _candidate(outcome, policies=policies, policy=policies.of(US))
    assert bool(admit(ready, _out(Conversation(SHOP, CUSTOMER))).messages) is not bound


def test_two_messages_of_one_group_see_each_other() -> None:
    """A STOP that is admitted first silences what comes behind it in the same commit."""
    usage = Usage()
    admit(_candidate(signal=STOP, outcome=None), usage)
    assert admit(_candidate(), usage).messages == ()


# A remembered answer (G9 takes precedence over G3)

SENT = (Outgoing(US, (ANNA, BEN), "for you"), Outgoing(SHOP, (CUSTOMER,), "Thanks."))


@pytest.mark.parametrize(
    ("out", "kept"),
    [
        ((), None),
        ((Conversation(US, CUSTOMER),), None),  # of another number than the one that texts
        ((Conversation(US, ANNA),), (Outgoing(US, (BEN,), "for you"), SENT[1])),
        ((Conversation(US, ANNA), Conversation(US, BEN)), (SENT[1],)),
        ((Conversation(SHOP, CUSTOMER),), (SENT[0],)),
        ((Conversation(US, ANNA), Conversation(US, BEN), Conversation(SHOP, CUSTOMER)), ()),
    ],
)
def test_repeat_leaves_out_who_has_opted_out_since(
    out: tuple[Conversation, ...], kept: tuple[Outgoing, ...] | None
) -> None:
    """Every pair of a remembered answer is looked at; nothing else changes."""
    assert still_allowed(SENT, UUID, Policies(), _out(*out)) == kept


def test_confirmation_of_an_opt_out_is_repeated() -> None:
    """The one text that may follow STOP: Plivo's retry gets the same."""
    usage = Usage()
    admit(_candidate(signal=STOP, outcome=None), usage)
    assert still_allowed(GOT_IT, UUID, Policies(), usage) is None
    assert still_allowed(GOT_IT, "another", Policies(), usage) == ()


# Limits and cooldowns: G8


@pytest.mark.parametrize(
    ("policy", "usage", "reason"),
    [
        (_policy(per_sender=(Rate(1, 60.0),)), Usage(replies={HERE: [PastReply(NOW - 1, "a")]}), "per_sender 1/1m"),
        (_policy(same_text=(Rate(1, 60.0),)), Usage(replies={HERE: [PastReply(NOW - 1, KEY)]}), "same_text 1/1m"),
        (_policy(total=(Rate(5, 60.0),)), Usage(spent={Budget("", 60.0): 5}), "total 5/1m"),
    ],
)
def test_limit_silences(policy: RoutePolicy, usage: Usage, reason: str) -> None:
    """Before the rules are asked, if it is known by then, else at the last moment; what was given up uses nothing."""
    ready = _candidate(_outcome(uses=(Use("bot", 60.0),)), policies=Policies(policy))
    decided = admit(ready, usage)
    assert (decided.reason, decided.rule, decided.limited) == (f"limit: {reason}", None, True)
    assert (decided.xml, decided.units, decided.uses) == (EMPTY, 0, ())
    evaluation = Evaluation(NOW, "support", policy, None)
    assert refused_early(message(), evaluation, usage) == f"limit: {reason}"
    assert refused_early(message(), evaluation, Usage()) is None


def test_spending_cap_counts_units_times_recipients() -> None:
    """What Plivo bills, forwards included; one answer never passes it."""
    outcome = _outcome((Outgoing(US, (ANNA, BEN), "x"), *GOT_IT))
    for count, sent in ((3, True), (2, False)):
        decided = admit(_candidate(outcome, policies=Policies(_policy(total=(Rate(count, 60.0),)))), Usage())
        assert (bool(decided.messages), decided.limited) == (sent, not sent)


def test_spending_cap_at_80_percent_is_told_once() -> None:
    """By the answer that takes it over."""
    usage, policies = Usage(spent={Budget("", 60.0): 0}), Policies(_policy(total=(Rate(10, 60.0),)))
    told = [admit(_candidate(policies=policies), usage).near_limit for _ in range(11)]
    assert told == [None] * 7 + ["total 10/1m"] + [None] * 3


def test_answer_notes_what_it_uses_up() -> None:
    """So that the next message of the group sees it: the reply, the units in every scope, its cooldowns."""
    policy = _policy((Rate(9, 60.0),), total=(Rate(9, 60.0),))
    usage = Usage(spent={Budget("", 60.0): 0, Budget("route support", 60.0): 1, Budget("route other", 60.0): 2})
    admit(_candidate(_outcome(uses=(Use("bot", 60.0),)), policies=Policies(policy)), usage)
    assert usage.replies == {HERE: [PastReply(NOW, KEY)]}
    assert list(usage.spent.values()) == [1, 2, 2]
    assert usage.cooldowns == {HERE: {"bot": NOW}}


def test_stop_beyond_a_limit_is_kept_without_a_confirmation() -> None:
    """A robot that says STOP for ever is not confirmed for ever, but its opt-out is kept."""
    usage = Usage(replies={HERE: [PastReply(NOW - 1, "a")]})
    ready = _candidate(signal=STOP, outcome=None, policies=Policies(_policy(per_sender=(Rate(1, 60.0),))))
    decided = admit(ready, usage)
    assert (decided.xml, decided.limited, decided.change is not None) == (EMPTY, True, True)
    assert usage.opt_outs[CUSTOMER][US].opted_out


@pytest.mark.parametrize(("ago", "silent"), [(0.0, True), (59.0, True), (60.0, False), (61.0, False), (-1.0, True)])
def test_cooldown_that_began_while_the_rules_were_asked_counts(ago: float, *, silent: bool) -> None:
    """Two messages of one person at once: the one admitted second is silent."""
    ready = _candidate(_outcome(uses=(Use("bot", 60.0),)))
    decided = admit(ready, Usage(cooldowns={HERE: {"bot": NOW - ago, "other": NOW}}))
    assert (decided.xml == EMPTY) is silent
    assert (decided.uses == ()) is silent
    if silent:
        assert decided.reason == "cooldown: another message from this sender was answered at the same time"


# Reactions

QUOTE = reactions.read('Liked "Got it."')


def test_reaction_that_quotes_our_last_answers_is_silence() -> None:
    """Nobody waits for an answer to a thumb; one to somebody else's text is answered."""
    ours, theirs = Usage(texts={HERE: ("Hi.", "Got it.")}), Usage(texts={HERE: ("Hi.",)})
    ready = _candidate(reaction=QUOTE)
    assert ready.query.texts
    silent = admit(ready, ours)
    assert (silent.xml, silent.reason, silent.rule) == (EMPTY, "a reaction that quotes our own answer", None)
    assert json.loads(silent.steps)
    assert (ours.replies, ours.cooldowns) == ({}, {})
    assert admit(ready, theirs).messages == GOT_IT


def test_texts_are_looked_up_for_a_reaction_only() -> None:
    """An ordinary message costs nothing more."""
    assert not _candidate().query.texts
    assert not usage_query(message(), Evaluation(NOW, "support", _policy(), None), {CUSTOMER}, cooldowns=True).texts


def test_admitting_twice_says_the_same() -> None:
    """Pure but for what it notes: a transaction may be tried again with what was read again."""
    ready = _candidate(_outcome(uses=(Use("bot", 60.0),)))
    first: Proposal = admit(ready, Usage())
    assert admit(ready, Usage()) == first
