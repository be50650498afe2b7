"""One message, one answer, in time: real rules on a real store; a webhook without a wire."""

import asyncio
import io
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from support import inside, scrape, wire
from support.stored import NO_COPIES, Clock, opened

from app import config, telemetry
from app.http_client import HttpClient
from app.plivo.messages import InboundMessage, Proof, Verified
from app.plivo.refusals import Unavailable
from app.replies import handler
from app.replies.failed_calls import Busy, RulesFailed
from app.replies.handler import ReplyHandler
from app.replies.observer import Observer
from app.rules.services import RuleServices
from app.store import Store
from app.store.schema import messages
from app.telemetry.metrics import Metrics

RULES = """
[[routes]]
name = "bot"
to = "+33644600000"
rules = "bot"
[[routes]]
name = "saved"
to = "+33644600001"
rules = ["bot", "ack"]
[[routes]]
name = "once"
to = "+33644600002"
rules = "once"
[[routes]]
name = "few"
to = "+33644600003"
text = "Few."
limits = { per_sender = "1/1h", total = "10/1d" }
[[routes]]
name = "asked"
to = "+33644600005"
rules = ["order", "bot"]
[[routes]]
name = "echo"
to = "*"
text = "You said: {text}"
limits = { max_units = 1 }
[rules.bot]
webhook = "http://bot.test/sms"
[rules.ack]
text = "Got it."
[rules.order]
match = "order"
text = "Shipped."
[rules.once]
text = "Once."
cooldown = "1h"
"""
BOT, SAVED, ONCE, FEW, ECHO, ASKED = (f"3364460000{number}" for number in range(6))

_uuids = itertools.count(1)


def says(text: str, status: int = 200, content_type: str = "text/plain") -> httpx.Response:
    """An answer that is still to be read, as from a wire."""
    return httpx.Response(status, headers={"content-type": content_type}, stream=httpx.ByteStream(text.encode()))


@dataclass
class Bot:
    """The webhook: it answers when its gate is open, and knows who called."""

    calls: list[httpx.Request] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    enough: int = 1  # calls, for `called`
    answer: Callable[[], httpx.Response] = lambda: says("Hello from the bot.")

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        self.calls.append(request)
        if len(self.calls) >= self.enough:
            self.called.set()
        await self.gate.wait()
        return self.answer()


@dataclass
class Env:
    """One process, and what a test needs of it."""

    folder: Path
    store: Store
    services: RuleServices
    bot: Bot
    clock: Clock
    log: io.StringIO
    handler: ReplyHandler
    metrics: Metrics

    def counted(self, name: str, **labels: str) -> float:
        """One series."""
        return scrape.value(scrape.series(self.metrics.text()[0].decode()), name, **labels)

    def another(self, owner: str = "another") -> ReplyHandler:
        """Another process on the same store."""
        return _handler(self.folder, self.store, self.services, self.clock, Metrics(), owner)

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """The log."""
        every = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in every if event in (None, line["event"])]

    async def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """A table."""
        async with self.store.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]


def _handler(
    folder: Path, store: Store, services: RuleServices, clock: Clock, metrics: Metrics, owner: str
) -> ReplyHandler:
    runtime = config.load(folder / "config.toml").runtime
    return ReplyHandler(lambda: runtime, store.journal, services, NO_COPIES, Observer(metrics), clock, owner)


@pytest.fixture
async def env(tmp_path: Path) -> AsyncIterator[Env]:
    """A store, a bot whose gate is shut, and one process."""
    (tmp_path / "config.toml").write_text(inside.HEAD + RULES)
    clock, bot, log = Clock(), Bot(), io.StringIO()
    telemetry.configure("json", "info", "last4", log)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(tmp_path / "autoreply.db", clock))
        transport = httpx.MockTransport(bot)
        client = await stack.enter_async_context(HttpClient(connections=10, user_agent="test", transport=transport))
        metrics, services = Metrics(), RuleServices(client)
        one = _handler(tmp_path, store, services, clock, metrics, "one")
        yield Env(tmp_path, store, services, bot, clock, log, one, metrics)
        bot.gate.set()
        await one.stop(5)


def message(to: str = BOT, text: str = "hello", sender: str | None = None, **more: Any) -> InboundMessage:
    """A new one of somebody new."""
    return InboundMessage.of(f"message-{next(_uuids)}", sender or wire.sender(), to, text, **more)


def request(*proofs: Proof) -> Verified:
    """Signed by Plivo."""
    return Verified("/message", (), proofs, "V3")


async def say(env: Env, one: InboundMessage) -> str | None:
    """The text of the answer."""
    return wire.text_of(await env.handler.answer(one, request()))


async def cancel(task: asyncio.Task[Any]) -> None:
    """As the gate does at the deadline."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_joiners_share_one_evaluation(env: Env) -> None:
    """Twenty copies that come while the rule is asked: one call, the same bytes for all."""
    one = message()
    copies = [asyncio.create_task(env.handler.answer(one, request())) for _ in range(10)]
    await env.bot.called.wait()
    copies += [asyncio.create_task(env.handler.answer(one, request())) for _ in range(10)]
    env.bot.gate.set()
    answers = await asyncio.gather(*copies)
    assert {wire.text_of(xml) for xml in answers} == {"Hello from the bot."}
    assert len(set(answers)) == len(env.bot.calls) == 1
    assert env.counted("messages_total", route="bot", outcome="answered") == 1
    assert env.counted("messages_total", route="bot", outcome="repeat") == 19


async def test_rules_go_on_when_their_caller_is_gone(env: Env) -> None:
    """G4: the deadline cancels the call, not the rule; the next call has its answer without a second call."""
    one = message()
    first = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    await cancel(first)
    env.bot.gate.set()
    assert await say(env, one) == "Hello from the bot."
    assert len(env.bot.calls) == 1


async def test_late_answer_is_handed_over_by_the_next_call(env: Env) -> None:
    """G10: the journal has each call with what it got, when the answer was ready, and when it was first handed over."""
    one = message()
    first = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    await cancel(first)
    env.clock.advance(10)
    env.bot.gate.set()
    await env.handler.stop(5)
    (row,) = await env.rows(messages)
    assert (row["state"], row["answered_at"], row["handed_over_at"]) == ("answered", env.clock.now, None)
    env.clock.advance(50)
    assert await say(env, one) == "Hello from the bot."
    (row,) = await env.rows(messages)
    reason = "no answer within the deadline; the rules are still running"
    assert [(call["status"], call["reason"]) for call in json.loads(row["calls"])] == [
        (503, reason),
        (200, "answered again"),
    ]
    assert row["handed_over_at"] == env.clock.now


async def test_next_call_joins_rules_that_are_still_asked(env: Env) -> None:
    """All who asked are gone; who asks again waits for the same rules, and may be cancelled too."""
    one = message()
    for _ in range(3):
        call = asyncio.create_task(env.handler.answer(one, request()))
        await env.bot.called.wait()
        await cancel(call)
    last = asyncio.create_task(env.handler.answer(one, request()))
    await asyncio.sleep(0)
    env.bot.gate.set()
    assert wire.text_of(await last) == "Hello from the bot."
    assert len(env.bot.calls) == 1


async def test_answer_stays_though_nobody_comes_again(env: Env) -> None:
    """What the rules answered behind a cancelled call is recorded by itself."""
    one = message()
    call = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    await cancel(call)
    env.bot.gate.set()
    await env.handler.stop(5)
    (row,) = await env.rows(messages)
    assert (row["message_uuid"], wire.text_of(row["xml"])) == (one.message_uuid, "Hello from the bot.")


async def test_fourth_failure_is_silence(env: Env) -> None:
    """G4: a failure is not remembered, each call asks again; the fourth ends in silence and an error line."""
    env.bot.gate.set()
    env.bot.answer = lambda: says("", 500)
    one = message()
    for call in (1, 2, 3):
        with pytest.raises(RulesFailed, match=f"call {call} of 4"):
            await say(env, one)
        (row,) = await env.rows(messages)
        assert (row["state"], row["failures"]) == ("pending", call)
        assert [(step["rule"], step["verdict"]) for step in json.loads(row["steps"])] == [("bot", "fails")]
    assert await say(env, one) is None
    assert await say(env, one) is None
    assert len(env.bot.calls) == 4
    assert {call.headers["webhook-id"] for call in env.bot.calls} == {f"{one.message_uuid}.bot"}
    (line,) = env.lines("giving up after failed calls, sending no reply")
    assert (line["level"], line["message_uuid"], line["calls"]) == ("error", one.message_uuid, 4)
    (row,) = await env.rows(messages)
    assert row["reason"] == "no rule answered, and at least one failed"
    counts = {"failed": 3, "given_up": 1, "repeat": 1}  # each call of Plivo's is one of these
    assert {one: env.counted("messages_total", route="bot", outcome=one) for one in counts} == counts
    assert env.counted("rule_failures_total", route="bot", rule="bot") == 4
    assert [(step["rule"], step["verdict"]) for step in json.loads(row["steps"])] == [("bot", "fails")]


async def statuses(env: Env, one: InboundMessage) -> list[int]:
    """What each call for a message got, as its row has it."""
    (row,) = [row for row in await env.rows(messages) if row["message_uuid"] == one.message_uuid]
    return [call["status"] for call in json.loads(row["calls"])]


async def test_each_failed_call_is_recorded_once(env: Env) -> None:
    """G10: three calls get 503, the fourth and the fifth silence."""
    env.bot.gate.set()
    env.bot.answer = lambda: says("", 500)
    one = message()
    for _ in range(3):
        with pytest.raises(RulesFailed):
            await say(env, one)
        env.clock.advance(60)
    assert [await say(env, one), await say(env, one)] == [None, None]
    assert await statuses(env, one) == [503, 503, 503, 200, 200]


async def test_failed_message_has_what_each_rule_said(env: Env) -> None:
    """G10: while Plivo still calls, the row says which rule failed and why each other one did not answer."""
    env.bot.gate.set()
    env.bot.answer = lambda: says("", 500)
    with pytest.raises(RulesFailed):
        await say(env, message(ASKED))
    (row,) = await env.rows(messages)
    assert [(step["rule"], step["verdict"], step["reason"]) for step in json.loads(row["steps"])] == [
        ("order", "passes", "match: pattern not found"),
        ("bot", "fails", "webhook: status 500"),
    ]


async def test_rule_that_fails_after_its_call_adds_no_call(env: Env) -> None:
    """G10: the call that got 503 at the deadline is one call, whatever its rules do later; their failure counts."""
    env.bot.answer = lambda: says("", 500)
    one = message()
    call = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    await cancel(call)
    env.bot.gate.set()
    await env.handler.stop(5)
    assert await statuses(env, one) == [503]
    (row,) = await env.rows(messages)
    assert (row["failures"], row["reason"]) == (1, "bot failed: webhook: status 500")


@pytest.mark.parametrize("status", [200, 503])
async def test_each_copy_is_recorded_with_what_it_got(env: Env, status: int) -> None:
    """G10: copies that wait for the rules of the first call are calls as well."""
    env.bot.answer = lambda: says("Hello from the bot." if status == 200 else "", 200 if status == 200 else 500)
    one = message()
    copies = [asyncio.create_task(env.handler.answer(one, request())) for _ in range(4)]
    await env.bot.called.wait()
    copies += [asyncio.create_task(env.handler.answer(one, request())) for _ in range(4)]
    await asyncio.sleep(0)
    env.bot.gate.set()
    await asyncio.gather(*copies, return_exceptions=True)
    await env.handler.stop(5)
    assert await statuses(env, one) == [status] * 8
    counts = {"answered": 1, "repeat": 7} if status == 200 else {"failed": 8}
    assert {name: env.counted("messages_total", route="bot", outcome=name) for name in counts} == counts


async def test_call_that_waits_for_another_process_is_recorded(env: Env) -> None:
    """G10: a replica that waits for the claim of another one until its deadline records that call."""
    one = message()
    here = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    there = env.another()
    env.clock.advance(1)
    waiting = asyncio.create_task(there.answer(one, request()))
    await asyncio.sleep(0.05)
    await cancel(waiting)
    await there.stop(5)
    assert await statuses(env, one) == [503]
    env.bot.gate.set()
    await here
    assert await statuses(env, one) == [503, 200]


async def test_failures_count_across_processes(env: Env) -> None:
    """A restart between two calls does not begin the count anew."""
    env.bot.gate.set()
    env.bot.answer = lambda: says("", 500)
    one = message()
    for call in (1, 2, 3):
        with pytest.raises(RulesFailed, match=f"call {call} of 4"):
            await env.another(f"life-{call}").answer(one, request())
    assert wire.text_of(await env.another("life-4").answer(one, request())) is None


async def test_call_after_a_failure_saves_it(env: Env) -> None:
    """A rule that works again on Plivo's third call answers, and that answer stays."""
    env.bot.gate.set()
    answers = iter([says("", 500), says("", 302), says("Hello from the bot."), says("", 500)])
    env.bot.answer = lambda: next(answers)
    one = message()
    for _ in range(2):
        with pytest.raises(RulesFailed):
            await say(env, one)
    assert [await say(env, one), await say(env, one)] == ["Hello from the bot."] * 2
    assert len(env.bot.calls) == 3


async def test_next_rule_saves_a_failed_one(env: Env) -> None:
    """A rule behind the failed one answers: no 503, nothing is counted, the bot is asked once."""
    env.bot.gate.set()
    env.bot.answer = lambda: says("", 500)
    one = message(SAVED)
    assert [await say(env, one), await say(env, one)] == ["Got it."] * 2
    assert len(env.bot.calls) == 1


async def test_all_joiners_of_a_failure_get_it(env: Env) -> None:
    """Copies that share a failed walk get 503 together, and it counts once."""
    env.bot.answer = lambda: says("", 500)
    one = message()
    copies = [asyncio.create_task(env.handler.answer(one, request())) for _ in range(5)]
    await env.bot.called.wait()
    env.bot.gate.set()
    got = await asyncio.gather(*copies, return_exceptions=True)
    assert all(isinstance(error, RulesFailed) for error in got)
    assert {str(error).partition(":")[0] for error in got} == {"no rule answered (call 1 of 4)"}
    assert len(env.bot.calls) == 1


async def test_another_process_waits_for_the_claim(env: Env) -> None:
    """A copy at another replica polls, and gets the bytes of the one who decides."""
    one = message()
    here = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    there = asyncio.create_task(env.another().answer(one, request()))
    env.bot.gate.set()
    assert len({await here, await there}) == 1
    assert len(env.bot.calls) == 1


async def test_crashed_owner_is_followed(env: Env) -> None:
    """A claim whose owner never settles runs out before Plivo's next call gives up; then the bot is asked once more."""
    one = message()
    crashed = asyncio.create_task(env.another("crashed").answer(one, request()))
    await env.bot.called.wait()
    await cancel(crashed)  # and its chain hangs for ever, as far as anybody knows
    env.clock.advance(handler.CLAIM)
    env.bot.called.clear()
    call = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    env.bot.gate.set()
    assert wire.text_of(await call) == "Hello from the bot."
    assert len(env.bot.calls) == 2
    assert len(await env.rows(messages)) == 1


async def test_stop_gives_late_rules_their_time(env: Env) -> None:
    """Rules that end within the time of `stop` are recorded, their caller long gone."""
    one = message()
    call = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    await cancel(call)
    stopping = asyncio.create_task(env.handler.stop(30))
    await asyncio.sleep(0)
    assert not stopping.done()
    env.bot.gate.set()
    await stopping
    assert wire.text_of((await env.rows(messages))[0]["xml"]) == "Hello from the bot."


async def test_stop_frees_the_claims_of_the_rest(env: Env) -> None:
    """Rules that do not end in time are let go: the next process may ask at once, and no failure is counted."""
    one = message()
    call = asyncio.create_task(env.handler.answer(one, request()))
    await env.bot.called.wait()
    await env.handler.stop(0.01)
    with pytest.raises(asyncio.CancelledError):
        await call
    (row,) = await env.rows(messages)
    assert (row["state"], row["failures"], row["owner"]) == ("pending", 0, None)
    env.bot.gate.set()
    assert wire.text_of(await env.another().answer(one, request())) == "Hello from the bot."


async def test_caller_that_goes_away_while_it_claims(env: Env) -> None:
    """A call that is cancelled before its rules are asked leaves no claim that keeps the next call waiting."""
    env.bot.gate.set()
    one = message()
    for turns in range(12):
        call = asyncio.create_task(env.handler.answer(one, request()))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    async with asyncio.timeout(2):
        assert await say(env, one) == "Hello from the bot."
    assert len(env.bot.calls) == 1


async def test_stop_with_nothing_under_way(env: Env) -> None:
    """An idle service stops at once."""
    async with asyncio.timeout(1):
        await env.handler.stop(30)


async def fill(env: Env) -> list[asyncio.Task[bytes]]:
    """As many messages as may wait for rules, each at the bot."""
    env.bot.enough = handler.WAITING
    calls = [asyncio.create_task(env.handler.answer(message(), request())) for _ in range(handler.WAITING)]
    await env.bot.called.wait()
    return calls


async def test_waiting_messages_are_bounded(env: Env) -> None:
    """Past the bound a message that needs a rule is 503; one that needs none is answered as ever."""
    calls = await fill(env)
    one = message()
    with pytest.raises(Busy, match="500 messages of route bot are already waiting for its rules"):
        await say(env, one)
    assert env.handler.in_flight == 500
    assert await say(env, message(ECHO, "still here")) == "You said: still here"
    env.bot.gate.set()
    assert {wire.text_of(xml) for xml in await asyncio.gather(*calls)} == {"Hello from the bot."}
    assert await say(env, message()) == "Hello from the bot."


async def test_message_refused_for_the_bound_is_free_again(env: Env) -> None:
    """Who was told 503 for the bound comes again and is answered at once."""
    calls = await fill(env)
    one = message()
    with pytest.raises(Unavailable):
        await say(env, one)
    env.bot.gate.set()
    await asyncio.gather(*calls)
    async with asyncio.timeout(2):
        assert await say(env, one) == "Hello from the bot."


async def test_cooldown_is_used_once(env: Env) -> None:
    """Of ten messages of one sender at once, one has the answer of a rule with a cooldown; its repeats have it too."""
    sender = wire.sender()
    sent = [message(ONCE, sender=sender) for _ in range(10)]
    said = await asyncio.gather(*(say(env, one) for one in sent))
    assert sorted(text or "" for text in said) == [""] * 9 + ["Once."]
    assert await asyncio.gather(*(say(env, one) for one in sent)) == said
    env.clock.advance(3600)
    assert await say(env, message(ONCE, sender=sender)) == "Once."


async def test_log_holds_no_text_and_no_whole_number(env: Env) -> None:
    """G12: answers, failures, limits, cuts, opt-outs, joiners: no word of them and no number is in the log."""
    env.bot.gate.set()
    secret, sender = "Geheimnis", "33712345678"
    env.bot.answer = lambda: says(f"{secret} back")
    for to in (BOT, SAVED, ONCE, FEW, FEW, ECHO):
        await say(env, message(to, f"{secret} for {sender}", sender=sender))
    await say(env, message(ECHO, secret * 100, sender=sender))
    for response in (says(secret, 500), says(secret, content_type="text/html")):
        env.bot.answer = lambda response=response: response  # type: ignore[misc]
        with pytest.raises(RulesFailed):
            await say(env, message(BOT, secret, sender=sender))
    env.bot.answer = lambda: says(f'{{"rule": "{secret}"}}', content_type="application/json")
    failing = message(BOT, secret, sender=sender, media=(f"https://media.test/{secret}",))
    for _ in range(3):
        with pytest.raises(RulesFailed):
            await say(env, failing)
    assert await say(env, failing) is None
    await say(env, message(ECHO, "STOP", sender=sender))
    await say(env, message(ECHO, secret, sender=sender))
    log = env.log.getvalue()
    for event in ("rate limit reached", "text truncated to max_units", "rule failed", "answered"):
        assert env.lines(event)
    assert secret.lower() not in log.lower()
    assert sender not in log
    assert not any(number in log for number in (BOT, SAVED, ONCE, FEW, ECHO))


async def test_full_route_takes_nobody_elses_room(env: Env) -> None:
    """G7: while one webhook hangs for as many as may wait, another route that claims is answered as ever."""
    calls = await fill(env)
    assert await say(env, message("33644600002")) == "Once."
    env.bot.gate.set()
    await asyncio.gather(*calls)
