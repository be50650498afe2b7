"""Another configuration on the messages of the past: by the engine of live traffic, calling nobody."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.replayed import Answering, answering, runtime_of
from support.stored import incoming, opted

from app.operations.backtest import backtest
from app.policies.usage import Conversation
from app.store.people import Changes, change

HOUR, DAY = 3_600.0, 86_400.0
SHOP, BOTS, ONLY_BOT, ANY = "33644600000", "33644600001", "33644600002", "33644600009"
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
    "bot: 204", "bot: 200 Hello from the bot.", "bot: 200", "bot: 500 broken", "bot: late Here I am.", "bot: 200 " + "long " * 90,
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
            made = opted(out=bool(what[2]), pair=pair, message_uuid=None, source="command", at=service.clock.now)
            await service.store.change(change, Changes("anna", (made,)))
        else:
            blocked = {"to": str(what[0]), "sender": str(what[1]), "error_code": "200", "status": "undelivered"}
            await service.store.queue.accept(incoming(number, at=service.clock.now, in_reply_to=None, **blocked))
        await service.wait(0.0 if kind == "text" else 1.0)  # two clocks that say the same tell no order
    await service.wait(HOUR)


@settings(max_examples=40, deadline=None)
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
