"""The walk of a message: route, rules, answer, reasons; then the ledger, which decides who was first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import pytest
from structlog.testing import capture_logs
from support import bench

from app.engine import ChainFailed, Engine, EngineOptions, Owner, decide
from app.guards.ledger import Entry, Origin, Reused, Step
from app.plivo.messages import Inbound, Outgoing, Proof, Report, SignedRequest
from app.plivo.refusals import Unavailable
from app.rules import KindOptions, forward, keywords, silence, text
from app.rules.rule import Answers, Ask, Fails, Passes, Rule, Verdict
from app.rules.table import Route, Table
from app.store import Keep, StoreOptions, open_store

UUID, CUSTOMER, US, SHOP = bench.UUID, bench.CUSTOMER, bench.US, "33644600001"
OPTIONS = EngineOptions("https://sms.example.com/report", "POST", "0123456789ab", keep_text=True)
SIGNED = SignedRequest("/message", (), (Proof(b"k" * 32, b"v" * 32),), "Ma-V3")
EMPTY = b"<Response/>"


@dataclass
class _Ledger:
    """Remembers in a dict, as `guards.ledger.Ledger` asks."""

    entries: dict[str, Entry] = field(default_factory=dict)
    broken: Exception | None = None

    async def record(self, entry: Entry) -> bytes:
        if self.broken:
            raise self.broken
        return self.entries.setdefault(entry.message_uuid, entry).xml

    async def origin(self, message_uuid: str) -> Origin | None:
        if self.broken:
            raise self.broken
        entry = self.entries.get(message_uuid)
        return Origin(entry.route, entry.rule) if entry else None


@dataclass
class _Says:
    """A rule's action with a prepared verdict."""

    always_answers: ClassVar[bool] = False
    verdict: Verdict

    async def __call__(self, _ask: Ask) -> Verdict:
        return self.verdict


def _rule(name: str, action: KindOptions | Verdict, src: str | None = None) -> Rule:
    if isinstance(action, Answers | Passes | Fails):
        return Rule(name, (), _Says(action))
    return replace(bench.good(action, src=src), name=name)


def _table(*rules: Rule, default: Route | None = None) -> Table:
    """One route for US."""
    route = Route("support", rules, {"shop": "Roma"}, ("crm",))
    names = {"support": route} | ({"default": default} if default else {})
    return Table({US: route}, names, default)


def _message(words: str = "hello", **changes: Any) -> Inbound:
    return replace(Inbound(UUID, CUSTOMER, US, words), **changes)


def _engine(table: Table, ledger: _Ledger, options: EngineOptions = OPTIONS) -> Engine:
    return Engine(table, options, ledger, clock=_now)


def _now() -> float:
    return 1_772_442_000.0


GOT_IT = _rule("ack", text.Options("Got it."))


async def test_answer_is_xml_of_the_route_with_its_callback() -> None:
    """The reply goes from our number to the sender, and its reports come back under the inbound MessageUUID."""
    decision = await decide(_table(GOT_IT), OPTIONS, _message())
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


async def test_callback_method_is_the_configured_one() -> None:
    """`callback_method = "GET"` reaches the XML."""
    decision = await decide(_table(GOT_IT), replace(OPTIONS, callback_method="GET"), _message())
    assert ET.fromstring(decision.xml)[0].get("callbackMethod") == "GET"


async def test_every_rule_leaves_a_step_with_its_reason() -> None:
    """Law 10: which rule answered and why each other did not."""
    table = _table(
        _rule("menu", keywords.Options({"HOURS": "9-18"})),
        _rule("bot", Fails("status 500")),
        GOT_IT,
        _rule("late", silence.Options(silence=True)),
    )
    decision = await decide(table, OPTIONS, _message())
    assert decision.steps == (
        Step("menu", "passes", "keywords: none of them is in the text"),
        Step("bot", "fails", "status 500"),
        Step("ack", "answers", "fixed text"),
        Step("late", "not asked", "an earlier rule had answered"),
    )
    assert not decision.failed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "whatsapp"}, "WhatsApp cannot be answered by Plivo XML"),
        ({"intent": "optout"}, "Plivo has answered this itself: MessageIntent=optout"),
        ({"intent": "help"}, "Plivo has answered this itself: MessageIntent=help"),
        ({"sender": US}, "the number wrote to itself"),
    ],
)
async def test_what_must_not_be_answered_is_silence_and_asks_no_rule(changes: dict[str, str], reason: str) -> None:
    """Law 10: silence has a reason; the rules, which may cost money, are not asked."""
    decision = await decide(_table(GOT_IT), OPTIONS, _message(**changes))
    assert (decision.route, decision.rule, decision.reason) == ("support", None, reason)
    assert (decision.xml, decision.messages, decision.steps, decision.units) == (EMPTY, (), (), 0)


async def test_number_without_route_is_silence() -> None:
    """Nobody answers for a number that the file does not name."""
    decision = await decide(_table(GOT_IT), OPTIONS, _message(to=SHOP))
    assert (decision.route, decision.xml) == (None, EMPTY)
    assert decision.reason == "no route has this number, and there is no default route"


async def test_other_numbers_have_the_default_route() -> None:
    """`to = "*"` answers from whatever number was texted."""
    default = Route("default", (_rule("text", text.Options("Hi from {to}.")),))
    decision = await decide(_table(GOT_IT, default=default), OPTIONS, _message(to=SHOP))
    assert (decision.route, decision.messages) == ("default", (Outgoing(SHOP, (CUSTOMER,), "Hi from +33644600001."),))


async def test_mms_is_answered() -> None:
    """Only WhatsApp has no XML; a picture is a message like any other."""
    assert (await decide(_table(GOT_IT), OPTIONS, _message(type="mms"))).messages


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
    """All passed, one failed, or silence on purpose: three different things."""
    decision = await decide(_table(*rules), OPTIONS, _message())
    assert (decision.reason, decision.failed, decision.xml) == (reason, failed, EMPTY)


async def test_alphanumeric_sender_gets_no_reply_and_is_still_forwarded() -> None:
    """A name cannot be texted, but what it wrote reaches the people on duty."""
    rule = _rule("duty", forward.Options(("+33612345678",), text="Thanks."))
    decision = await decide(_table(rule), OPTIONS, _message(sender="AMAZON"))
    assert decision.messages == (Outgoing(US, ("33612345678",), "AMAZON: hello"),)
    assert decision.reason == "forwarded to 1; an alphanumeric sender, or the number itself, cannot be texted"


async def test_alphanumeric_sender_alone_is_silence_with_a_reason() -> None:
    """Nothing is left to send, and the journal says why."""
    decision = await decide(_table(GOT_IT), OPTIONS, _message(sender="AMAZON"))
    assert (decision.xml, decision.rule) == (EMPTY, "ack")
    assert "cannot be texted" in decision.reason


async def test_src_never_equals_dst() -> None:
    """A rule that answers from the sender's own number would text itself: that message is left out."""
    decision = await decide(_table(_rule("ack", text.Options("Hi."), src=f"+{CUSTOMER}")), OPTIONS, _message())
    assert (decision.xml, decision.messages) == (EMPTY, ())
    others = Answers((Outgoing(US, (US, CUSTOMER, "AMAZON"), "Hi."),), "said so")
    decision = await decide(_table(_rule("bot", others)), OPTIONS, _message())
    assert decision.messages == (Outgoing(US, (CUSTOMER,), "Hi."),)


@pytest.mark.parametrize(
    ("messages", "units"),
    [
        ((), 0),
        ((Outgoing(US, (CUSTOMER,), "a" * 160),), 1),
        ((Outgoing(US, (CUSTOMER,), "a" * 161),), 2),
        ((Outgoing(US, (CUSTOMER, "33612345678", "33612345679"), "a" * 161),), 6),
        ((Outgoing(US, (CUSTOMER,), "a"), Outgoing(US, ("33612345678",), "\u2013" * 71)), 3),
        ((Outgoing(US, (CUSTOMER, US), "a"),), 1),
    ],
)
async def test_units_are_what_plivo_bills(messages: tuple[Outgoing, ...], units: int) -> None:
    """Units of each message times its recipients, of what is really sent."""
    decision = await decide(_table(_rule("bot", Answers(messages, "said so"))), OPTIONS, _message())
    assert decision.units == units


async def test_answer_is_recorded_with_everything() -> None:
    """Law 10: one row tells what came, what was decided and why, who signed it, under which config."""
    ledger = _Ledger()
    message = Inbound(UUID, CUSTOMER, US, "hel\0lo", "mms", "", 1, ("https://media.example.com/1",))
    xml = await _engine(_table(GOT_IT), ledger).answer(message, SIGNED)
    assert ledger.entries == {
        UUID: Entry(
            message_uuid=UUID,
            received_at=1_772_442_000.0,
            sender=CUSTOMER,
            to=US,
            type="mms",
            intent="",
            text="hello",  # PostgreSQL keeps no NUL
            units=1,
            media=("https://media.example.com/1",),
            route="support",
            rule="ack",
            reason="fixed text",
            steps=(Step("ack", "answers", "fixed text"),),
            xml=xml,
            signed_by="Ma-V3",
            config="0123456789ab",
            proofs=SIGNED.proofs,
        )
    }


async def test_silence_is_recorded_too() -> None:
    """Law 10: every inbound message has a row."""
    ledger = _Ledger()
    assert await _engine(_table(GOT_IT), ledger).answer(_message(type="whatsapp"), SIGNED) == EMPTY
    assert ledger.entries[UUID].reason == "WhatsApp cannot be answered by Plivo XML"


async def test_text_is_not_kept_where_the_file_says_so() -> None:
    """`keep_text = "0d"`: neither words nor pictures are stored, the decision is."""
    ledger = _Ledger()
    message = Inbound(UUID, CUSTOMER, US, "my-secret", media=("https://media.example.com/1",))
    await _engine(_table(GOT_IT), ledger, replace(OPTIONS, keep_text=False)).answer(message, SIGNED)
    entry = ledger.entries[UUID]
    assert (entry.text, entry.media, entry.rule) == (None, (), "ack")


async def test_same_uuid_gets_the_first_answer_byte_for_byte() -> None:
    """Law 3: another table, as after a reload, changes nothing for a message that was answered."""
    ledger = _Ledger()
    first = await _engine(_table(GOT_IT), ledger).answer(_message(), SIGNED)
    other = _engine(_table(_rule("other", text.Options("Something else."))), ledger)
    assert await other.answer(_message(), SIGNED) == first
    assert await other.answer(_message(message_uuid="other"), SIGNED) != first


async def test_answer_whose_text_is_swept_is_silence() -> None:
    """An XML that was not kept is answered with none: well-formed, and nobody is texted twice."""
    ledger = _Ledger()
    engine = _engine(_table(GOT_IT), ledger)
    await engine.answer(_message(), SIGNED)
    ledger.entries[UUID] = replace(ledger.entries[UUID], xml=b"")
    assert await engine.answer(_message(), SIGNED) == EMPTY


async def test_failed_chain_is_refused_and_not_remembered() -> None:
    """Law 4: Plivo gets 503 and calls again; the next call may be answered."""
    ledger = _Ledger()
    with pytest.raises(ChainFailed) as refusal:
        await _engine(_table(_rule("bot", Fails("status 500"))), ledger).answer(_message(), SIGNED)
    assert refusal.value.status == 503
    assert ledger.entries == {}
    assert b"Got it." in await _engine(_table(GOT_IT), ledger).answer(_message(), SIGNED)


@pytest.mark.parametrize("error", [Unavailable("the disk is full"), Reused("made for other words")])
async def test_what_the_ledger_refuses_is_not_answered(error: Exception) -> None:
    """Laws 2 and 5: no answer leaves that is not durable, nor one for a reused signature."""
    with pytest.raises(type(error)):
        await _engine(_table(GOT_IT), _Ledger(broken=error)).answer(_message(), SIGNED)


async def test_log_line_holds_neither_words_nor_answer() -> None:
    """Law 12: one line an answer, without text; numbers stand under the keys that are masked."""
    with capture_logs() as lines:
        await _engine(_table(_rule("ack", text.Options("Thanks for {text}."))), _Ledger()).answer(
            _message("my-secret"), SIGNED
        )
    (line,) = lines
    assert "my-secret" not in str(line)
    assert (line["event"], line["from"], line["to"], line["rule"]) == ("answered", f"+{CUSTOMER}", f"+{US}", "ack")
    assert [key for key, value in line.items() if CUSTOMER in str(value)] == ["from"]


def _report(in_reply_to: str | None, sender: str = US) -> Report:
    return Report("r1", "sent-1", "delivered", sender, CUSTOMER, 1, "", 1, in_reply_to, ())


def _engine_with_two_routes(ledger: _Ledger) -> Engine:
    default = Route("default", (), targets=("web",))
    table = _table(GOT_IT, default=default)
    sales = Route("sales", (), targets=("erp",))
    return _engine(Table({**table.by_number, SHOP: sales}, {**table.by_name, "sales": sales}, default), ledger)


@pytest.mark.parametrize(
    ("in_reply_to", "sender", "owner"),
    [
        (UUID, US, Owner("support", "ack", ("crm",))),
        (UUID, SHOP, Owner("support", "ack", ("crm",))),  # `src` sent it: the journal knows better than From
        (UUID, "", Owner("support", "ack", ("crm",))),
        ("unknown", SHOP, Owner("sales", None, ("erp",))),
        (None, SHOP, Owner("sales", None, ("erp",))),
        (None, US, Owner("support", None, ("crm",))),
        (None, "33600000000", Owner("default", None, ("web",))),
        (None, "", Owner("default", None, ("web",))),
    ],
)
async def test_report_belongs_to_the_journals_route_else_to_the_number_else_to_the_default(
    in_reply_to: str | None, sender: str, owner: Owner
) -> None:
    """DESIGN 3.2: journal -> From -> default; a report is never refused for its content's sake."""
    ledger = _Ledger()
    engine = _engine_with_two_routes(ledger)
    await engine.answer(_message(), SIGNED)
    assert await engine.owner(_report(in_reply_to, sender)) == owner


async def test_report_of_nobody_has_no_target() -> None:
    """Without a default route a stranger's report is stored, and nobody is told."""
    assert await _engine(_table(GOT_IT), _Ledger()).owner(_report("unknown", SHOP)) == Owner(None, None, ())


async def test_report_of_a_route_that_is_gone_keeps_its_name() -> None:
    """After a reload the journal still says which route it was; the number's route of today gets the report."""
    ledger = _Ledger()
    await _engine_with_two_routes(ledger).answer(_message(), SIGNED)
    today = Route("renamed", (GOT_IT,), targets=("erp",))
    engine = _engine(Table({US: today}, {"renamed": today}), ledger)
    assert await engine.owner(_report(UUID)) == Owner("support", "ack", ("erp",))


async def test_owner_is_not_guessed_while_the_journal_cannot_be_read() -> None:
    """Law 5: 503, and Plivo reports again; a guess would be stored for ever."""
    with pytest.raises(Unavailable):
        await _engine(_table(GOT_IT), _Ledger(broken=Unavailable("locked"))).owner(_report(UUID))


@asynccontextmanager
async def _stored(folder: Path, table: Table) -> AsyncIterator[Engine]:
    async with open_store(
        StoreOptions(folder / "autoreply.db", Keep(86400.0 * 30, 86400.0 * 14)), serving=True, clock=_now
    ) as store:
        yield Engine(table, OPTIONS, store.ledger, clock=_now)


async def test_first_answer_survives_a_restart_with_another_file(tmp_path: Path) -> None:
    """Law 3 on the real store: closed, opened with other rules, the same UUID gets the same bytes."""
    async with _stored(tmp_path, _table(GOT_IT)) as engine:
        first = await engine.answer(_message(), SIGNED)
    async with _stored(tmp_path, _table(_rule("other", text.Options("Other.")))) as engine:
        assert await engine.answer(_message(), SIGNED) == first
        assert await engine.owner(_report(UUID)) == Owner("support", "ack", ("crm",))


async def test_signature_is_not_accepted_for_other_words(tmp_path: Path) -> None:
    """Law 2 on the real store: the same proof key with another value is refused, and leaves no row."""
    async with _stored(tmp_path, _table(GOT_IT)) as engine:
        await engine.answer(_message(), SIGNED)
        other = replace(SIGNED, proofs=(Proof(b"k" * 32, b"x" * 32),))
        with pytest.raises(Reused):
            await engine.answer(_message(message_uuid="other"), other)
        assert await engine.owner(_report("other", "33600000000")) == Owner(None, None, ())
