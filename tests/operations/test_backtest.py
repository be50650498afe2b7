"""Another configuration on the messages of the past: by the engine of live traffic, calling nobody."""

import asyncio
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.people import every_row
from support.replayed import PLAIN, SHOP, Answering, answering, runtime_of
from support.stored import NINE, incoming, opted

from app.operations.backtest import UNKNOWN, BacktestResult, backtest
from app.operations.errors import OperationRefused
from app.plivo.messages import Outgoing
from app.policies.usage import Conversation
from app.replies.reasons import SAME_TIME
from app.store.people import Changes, change
from app.store.schema import messages

HOUR, DAY = 3_600.0, 86_400.0
BOTS, ONLY_BOT, ANY = "33644600001", "33644600002", "33644600009"
ANN, BOB, DUTY = "33700000001", "33700000002", "33612345678"

EVERYTHING = f"""
[opt_out]
scope = "route"
words = {{ stop = ["ARRET"] }}
[limits]
per_sender = ["6/1h", "12/1d"]
same_text = "2/1h"
total = "30/1d"
exempt = ["+{BOB}"]
[schedules.office]
timezone = "Europe/Paris"
hours = "Mo-Fr 09:00-18:00"
[[routes]]
name = "shop"
to = "+{SHOP}"
rules = ["menu", "order", "duty", "closed", "ack"]
limits = {{ total = "9/6h" }}
[[routes]]
name = "bots"
to = "+{BOTS}"
rules = ["silent", "bot", "once", "ack"]
[[routes]]
name = "only-bot"
to = "+{ONLY_BOT}"
rules = ["bot"]
limits = {{ per_sender = "3/1h", same_text = "2/1m" }}
[[routes]]
to = "*"
text = "You said: {{text}}"
[rules.menu.keywords]
HOURS = "Open Mon-Fri 9:00-18:00."
"* PRICE *" = {{ text = "See the list.", cooldown = "2h", cooldown_then = "pass" }}
[rules.order]
match = 'order\\s+(?P<number>\\d+)'
text = "Order {{number}} was shipped."
cooldown = "30m"
[rules.duty]
match = "urgent"
forward = "+{DUTY}"
text = "Thanks, a person will answer."
[rules.closed]
closed = "office"
text = "Closed until {{office.next_open:%H:%M}}."
cooldown = "12h"
[rules.silent]
match = "hush"
silence = true
[rules.bot]
match = "^bot: "
webhook = "http://bot.test/sms"
allow_to = "+{DUTY}"
[rules.once]
text = "Once a day."
cooldown = "1d"
cooldown_then = "pass"
[rules.ack]
text = "Got it."
src = "+{SHOP}"
"""
TEXTS = (
    "hello", "HOURS", "what price", "order 12", "Urgent! help me", "hush", "",
    'Liked "Got it."', 'Loved "Open Mon-Fri 9:00"', "Liked an image",
    "bot: 204", "bot: 200 Hello from the bot.", "bot: 200", "bot: 500 broken", "bot: late Here I am.",
    "bot: 200 " + "long " * 90,
    'bot: 200 {"rule": "ack"}', 'bot: 200 {"rule": "nobody"}', 'bot: 200 {"text": "Hi."}',
    f'bot: 200 {{"messages": [{{"text": "One."}}, {{"text": "Two.", "to": "+{DUTY}"}}, {{"text": "Three."}}]}}',
    'bot: 200 {"messages": [{"text": "To nobody we know.", "to": "+33612345699"}]}',
)  # fmt: skip
OPTING = ("STOP", "ARRET", "START", "START", "HELP")
PEOPLE = (ANN, ANN, ANN, BOB, BOB, "5215512345678", "525512345678", DUTY, "NAME", SHOP)
GAPS = (0.0, 1.0, 20.0, 61.0, 700.0, HOUR, 5 * HOUR, 13 * HOUR, 30 * HOUR)

people, numbers = st.sampled_from(PEOPLE), st.sampled_from((SHOP, SHOP, BOTS, BOTS, ONLY_BOT, ANY))
message = st.tuples(st.just("text"), people, numbers, st.sampled_from(TEXTS), st.just(""))
opting = st.tuples(
    st.just("text"), people, numbers, st.sampled_from(OPTING), st.sampled_from(("", "optout", "optin", "help"))
)
command = st.tuples(st.just("command"), st.sampled_from((ANN, DUTY)), st.sampled_from((SHOP, BOTS)), st.booleans())
report = st.tuples(st.just("report"), st.sampled_from((ANN, DUTY)), st.sampled_from((SHOP, BOTS)))
step = st.tuples(st.sampled_from(GAPS), st.one_of(*([message] * 16), opting, command, report))


async def live(service: Answering, steps: list[tuple[float, tuple[object, ...]]]) -> None:
    """Messages, opt-outs by command and by report, one after the other; then Plivo's last retries."""
    for number, (gap, (kind, *what)) in enumerate(steps):
        await service.wait(gap)
        if kind == "text":
            sender, to, text, intent = map(str, what)
            await service.text(sender, to, text, intent)
        elif kind == "command":
            pair = Conversation(str(what[1]), str(what[0]))
            change_ = opted(out=bool(what[2]), pair=pair, message_uuid=None, source="command", at=service.clock.now)
            await service.store.change(change, Changes("anna", (change_,)))
        else:
            to, sender = map(str, what)
            made = incoming(number, at=service.clock.now, to=to, sender=sender, error_code="200", in_reply_to=None)
            await service.store.queue.accept(made)
        await service.wait(0.0 if kind == "text" else 1.0)  # two clocks that say the same tell no order
    await service.wait(HOUR)


@settings(max_examples=30, deadline=None)
@given(st.lists(step, min_size=1, max_size=60), st.sampled_from((None, 0.3, 0.6, 0.9)))
def test_the_same_file_changes_nothing(steps: list[tuple[float, tuple[object, ...]]], cut: float | None) -> None:
    """Whatever a real service answered, the same file answers again, from whatever moment on messages count."""

    async def run(folder: Path) -> None:
        runtime = runtime_of(folder, EVERYTHING)
        async with answering(folder, runtime) as service:
            began = service.clock.now
            await live(service, steps)
            since = None if cut is None else began + cut * (service.clock.now - began)
            found = await backtest(service.store, runtime, since=since)
        differences = [one for group in found.groups.values() for one in group.examples]
        assert differences == []
        assert (found.same, found.units_after) == (found.messages, found.units_before)
        if cut is None:
            assert found.messages + found.pending == sum(what[0] == "text" for _, what in steps)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


def told(found: BacktestResult) -> dict[tuple[str, str | None, str | None], tuple[int, int]]:
    """Each group with its messages and units."""
    return {key: (group.count, group.units) for key, group in found.groups.items()}


def texts(found: BacktestResult) -> list[tuple[str, list[str], list[str]]]:
    """What each message was answered, and what it would be answered."""
    return [
        (one.text, [sent.text for sent in one.before.messages], [sent.text for sent in one.after.messages])
        for group in found.groups.values()
        for one in group.examples
    ]


async def test_what_another_file_changes(tmp_path: Path) -> None:
    """Same, changed, new and gone, by old and new rule, with units before and after; texts decide, not rules."""
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
        for text in ("HOURS", "hours!", "hello", "bot: 204", "bot: 200 Hello.", "hush", "price"):
            await service.text(ANN, SHOP, text)
            await service.wait(60)
        new = PLAIN.replace("9-18", "9-20").replace('"bot", "ack"]', '"hush", "price", "other", "bot"]')
        new += f"""[rules.hush]\nmatch = "hush"\nsilence = true\n[rules.price]\nmatch = "price"\ntext = "{"ж" * 71}"
        [rules.other]\nmatch = "204"\ntext = "Got it."\n"""
        found = await backtest(service.store, runtime_of(tmp_path, new, "new.toml"))
    assert (found.messages, found.same, dict(found.kinds)) == (7, 2, {"changed": 3, "gone": 2})
    assert (found.units_before, found.units_after) == (7, 6)
    assert told(found) == {
        ("changed", "menu", "menu"): (2, 0),
        ("gone", "ack", None): (2, -2),
        ("changed", "ack", "price"): (1, 1),
    }
    assert texts(found)[0] == ("HOURS", ["Open 9-18."], ["Open 9-20."])
    gone = found.groups["gone", "ack", None].examples
    assert [one.after.reason for one in gone] == ["every rule passed", "silence on purpose"]


async def test_silence_that_is_answered_is_new(tmp_path: Path) -> None:
    """A number that had no route gets one; only as many examples are kept as asked for."""
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
        for _ in range(3):
            await service.text(ANN, ANY, "hello")
            await service.wait(60)
        new = runtime_of(tmp_path, PLAIN + f'[[routes]]\nname = "any"\nto = "+{ANY}"\nrules = "ack"\n', "new.toml")
        found = await backtest(service.store, new, examples=2)
    assert told(found) == {("new", None, "ack"): (3, 3)}
    (group,) = found.groups.values()
    assert [(one.at, one.before.route, one.after.route) for one in group.examples] == [
        (NINE, None, "any"),
        (NINE + 60, None, "any"),
    ]


async def test_limits_and_cooldowns_are_replayed(tmp_path: Path) -> None:
    """A limit, a cooldown and a spending cap of the new file count from message to message."""
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
        for number in range(4):
            await service.text(ANN, SHOP, f"hello {number}")
            await service.wait(HOUR)
        answered = {}
        for name, more in (
            ("limit", '[limits]\nper_sender = "2/3h"\n'),
            ("cap", '[limits]\ntotal = "3/1d"\n'),
            ("cooldown", '[rules.ack]\ncooldown = "150m"\n'),
        ):
            text = PLAIN.replace("[rules.ack]\n", more) if name == "cooldown" else PLAIN + more
            found = await backtest(service.store, runtime_of(tmp_path, text, "new.toml"))
            answered[name] = [one.text for group in found.groups.values() for one in group.examples]
    assert answered == {
        "limit": ["hello 2"],
        "cap": ["hello 3"],
        "cooldown": ["hello 1", "hello 2"],
    }


async def test_messages_before_since_count_for_those_behind(tmp_path: Path) -> None:
    """The longest window before `since` is replayed by the new file, though its messages are not compared."""
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
        for number in range(5):
            await service.text(ANN, SHOP, f"hello {number}")
            await service.wait(HOUR)
        new = runtime_of(tmp_path, PLAIN.replace("[rules.ack]\n", '[rules.ack]\ncooldown = "90m"\n'), "new.toml")
        found = await backtest(service.store, new, since=NINE + 2.5 * HOUR)
    assert (found.window, found.messages) == (DAY, 2)
    assert [text for text, _, _ in texts(found)] == ["hello 3"]  # 0, 2 and 4 are answered


async def test_what_is_not_kept_is_skipped_but_counts(tmp_path: Path) -> None:
    """A message without its text cannot be answered again; its answer and its opt-out stay what they were."""
    runtime = runtime_of(tmp_path, PLAIN + '[limits]\nper_sender = "2/1h"\n')
    async with answering(tmp_path, runtime) as service:
        for text in ("one", "two", "three"):
            await service.text(ANN, SHOP, text)
            await service.wait(60)
        await service.text(BOB, SHOP, "STOP")
        await service.wait(60)
        await service.text(BOB, SHOP, "hello?")
        await _erase_texts(service, "one", "two", "STOP")
        found = await backtest(service.store, runtime)
    assert (found.messages, found.same, found.skipped) == (2, 2, 3)


async def test_pending_messages_are_counted_apart(tmp_path: Path) -> None:
    """A message whose rules failed at the only call so far has no answer to compare."""
    runtime = runtime_of(tmp_path, PLAIN.replace(', "ack"]', "]"))
    async with answering(tmp_path, runtime) as service:
        await service.text(ANN, SHOP, "bot: 500")
        found = await backtest(service.store, runtime)
    assert (found.messages, found.skipped, found.pending) == (0, 0, 1)


async def test_nobody_is_called_and_nothing_is_written(tmp_path: Path) -> None:
    """A rule that calls out says what it said then, under a new number, too; the store is as it was."""
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
        await service.text(ANN, SHOP, "bot: 200 Hello.")
        before, calls = await every_row(service.store), service.bot.calls.total()
        new = PLAIN.replace("[rules.bot]\n", f'[rules.bot]\nsrc = "+{BOTS}"\n')
        found = await backtest(service.store, runtime_of(tmp_path, new, "new.toml"))
        assert (await every_row(service.store), service.bot.calls.total()) == (before, calls)
    (group,) = found.groups.values()
    assert group.examples[0].after.messages == (Outgoing(BOTS, (ANN,), "Hello."),)
    assert group.examples[0].given == {"bot": "Hello."}


@pytest.mark.parametrize(
    ("says", "after"),
    [({"bot": "Given."}, ["Given."]), ({"bot": "pass"}, ["Got it."]), ({"bot": "fail"}, ["Got it."])],
)
async def test_what_is_given_goes_before_what_was_said(tmp_path: Path, says: dict[str, str], after: list[str]) -> None:
    """`--given` says what a rule would say to every message, whatever it said then."""
    runtime = runtime_of(tmp_path, PLAIN)
    async with answering(tmp_path, runtime) as service:
        await service.text(ANN, SHOP, "bot: 200 Hello.")
        found = await backtest(service.store, runtime, given=says)
        with pytest.raises(OperationRefused, match="given menu: no rule of this name calls out"):
            await backtest(service.store, runtime, given={"menu": "pass"})
    assert texts(found) == [("bot: 200 Hello.", ["Hello."], after)]


async def test_a_rule_that_was_not_asked_passes_and_is_named(tmp_path: Path) -> None:
    """It is not known what a renamed webhook would say; how often it was asked is counted."""
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN)) as service:
        for text in ("bot: 200 Hello.", "hello"):
            await service.text(ANN, SHOP, text)
        new = PLAIN.replace('"bot"', '"robot"').replace("rules.bot", "rules.robot")
        found = await backtest(service.store, runtime_of(tmp_path, new, "new.toml"))
    assert texts(found) == [("bot: 200 Hello.", ["Hello."], ["Got it."])]
    assert found.assumed == {"robot": 1}


async def test_a_reply_that_a_limit_held_back_is_not_known(tmp_path: Path) -> None:
    """With a higher cap it would be sent: that counts as new, with the most units that it may have had."""
    cap = '[limits]\ntotal = "3/1d"\n'
    async with answering(tmp_path, runtime_of(tmp_path, PLAIN + cap)) as service:
        for text in ("hello", "bot: 200 " + "long " * 90, "bot: 200 Short."):
            await service.text(ANN, SHOP, text)
            await service.wait(60)
        found = await backtest(service.store, runtime_of(tmp_path, PLAIN, "new.toml"))
    assert told(found) == {("new", None, "bot"): (1, 3)}
    assert texts(found)[0][2] == [UNKNOWN]


async def test_rules_that_may_not_text_somebody_any_more_fail(tmp_path: Path) -> None:
    """What a webhook said to others is held against `allow_to` of the new file."""
    old = PLAIN.replace("[rules.bot]\n", f'[rules.bot]\nallow_to = "+{DUTY}"\n')
    async with answering(tmp_path, runtime_of(tmp_path, old)) as service:
        await service.text(ANN, SHOP, f'bot: 200 {{"messages": [{{"text": "Call her.", "to": "+{DUTY}"}}]}}')
        found = await backtest(service.store, runtime_of(tmp_path, PLAIN, "new.toml"))
    assert [after for _, _, after in texts(found)] == [["Got it."]]


async def test_messages_are_replayed_in_the_order_of_their_answers(tmp_path: Path) -> None:
    """A message that was answered at Plivo's third call comes behind those that came in between."""
    runtime = runtime_of(tmp_path, PLAIN.replace('"bot", "ack"]', '"bot"]') + '[limits]\nper_sender = "2/1h"\n')
    async with answering(tmp_path, runtime) as service:
        await service.text(ANN, SHOP, "bot: late Here I am.")
        for _ in range(2):
            await service.wait(20)
            await service.text(ANN, SHOP, "HOURS")
        await service.wait(HOUR)
        found = await backtest(service.store, runtime)
        rows = (await every_row(service.store))["messages"]
    assert [row["reply_units"] for row in rows] == [0, 1, 1]
    assert (found.messages, found.same) == (3, 3)


async def test_opt_outs_from_before_hold_for_those_who_only_get_messages(tmp_path: Path) -> None:
    """Somebody who gets forwards opted out before the first message that is replayed."""
    runtime = runtime_of(
        tmp_path, PLAIN.replace('"menu", ', '"duty", ') + f'[rules.duty]\nmatch = "urgent"\nforward = "+{DUTY}"\n'
    )
    async with answering(tmp_path, runtime) as service:
        await service.text(DUTY, SHOP, "STOP")
        await service.wait(5 * DAY)
        await service.text(ANN, SHOP, "urgent")
        found = await backtest(service.store, runtime, since=service.clock.now - HOUR)
    assert (found.messages, found.same, found.units_before) == (1, 1, 0)


async def test_messages_at_the_same_time_know_nothing_of_each_other(tmp_path: Path) -> None:
    """Of two that one cooldown allows once, the second got silence, not the next rule, and gets it again."""
    cooldown = '[rules.bot]\ncooldown = "1h"\ncooldown_then = "pass"\n'
    runtime = runtime_of(tmp_path, PLAIN.replace("[rules.bot]\n", cooldown))
    async with answering(tmp_path, runtime) as service:
        await asyncio.gather(*(service.text(ANN, SHOP, "bot: 200 Hello.") for _ in range(3)))
        reasons = {row["reason"] for row in (await every_row(service.store))["messages"]}
        found = await backtest(service.store, runtime)
    assert SAME_TIME in reasons
    assert (found.messages, found.same) == (3, 3)


async def test_progress_is_told(tmp_path: Path) -> None:
    """Once for each message, with how many there are."""
    runtime, totals = runtime_of(tmp_path, PLAIN), list[int]()
    async with answering(tmp_path, runtime) as service:
        await service.text(ANN, SHOP, "hello")
        await service.text(ANN, SHOP, "HOURS")
        await backtest(service.store, runtime, progress=totals.append)
    assert totals == [2, 2]


async def test_an_empty_store(tmp_path: Path) -> None:
    """Nothing to replay is no error."""
    runtime = runtime_of(tmp_path, PLAIN)
    async with answering(tmp_path, runtime) as service:
        for since in (None, NINE):
            assert (await backtest(service.store, runtime, since=since)).messages == 0


async def _erase_texts(service: Answering, *erased: str) -> None:
    """What retention leaves of messages with these texts."""
    async with service.store.engine.begin() as connection:
        await connection.execute(sa.update(messages).where(messages.c.text.in_(erased)).values(text=None, xml=b""))
