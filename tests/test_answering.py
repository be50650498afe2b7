"""One message, one answer, in time: the real engine and rules on a real store; a webhook without a wire."""

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
from support import scrape, wire
from support.stored import NO_COPIES, Clock, opened

from app import answering, config, telemetry
from app.answering import Answering, AnsweringOptions, Busy, ChainFailed
from app.http_client import HttpClient
from app.plivo.messages import InboundMessage, Proof, Verified
from app.plivo.refusals import Unavailable
from app.rules.services import RuleServices
from app.service import make_engine
from app.store import Store
from app.store.schema import claims, messages
from app.telemetry.metrics import Metrics

FILE = """
[server]
public_url = "https://sms.example.com"
[plivo]
auth_tokens = "test-auth-token-1234"
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
name = "echo"
to = "*"
text = "You said: {text}"
limits = { max_units = 1 }
[rules.bot]
webhook = "http://bot.test/sms"
[rules.ack]
text = "Got it."
[rules.once]
text = "Once."
cooldown = "1h"
"""
BOT, SAVED, ONCE, FEW, ECHO = (f"3364460000{number}" for number in range(5))

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
class House:
    """What a test needs of the service."""

    folder: Path
    store: Store
    services: RuleServices
    bot: Bot
    clock: Clock
    log: io.StringIO
    answering: Answering
    metrics: Metrics

    def counted(self, name: str, **labels: str) -> float:
        """One series."""
        return scrape.value(scrape.series(self.metrics.text()[0].decode()), name, **labels)

    def another(self, owner: str = "another") -> Answering:
        """Another process on the same store."""
        engine = make_engine(config.load(self.folder / "config.toml"))
        options = AnsweringOptions(True, "v1", owner)
        return Answering(engine, self.store.ledger, self.services, NO_COPIES, options, self.clock)

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """The log."""
        every = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in every if event in (None, line["event"])]

    async def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """A table."""
        async with self.store.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A store, a bot whose gate is shut, and one process."""
    (tmp_path / "config.toml").write_text(FILE)
    clock, bot, log = Clock(), Bot(), io.StringIO()
    telemetry.configure("json", "info", "last4", log)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(tmp_path / "autoreply.db", clock))
        transport = httpx.MockTransport(bot)
        client = await stack.enter_async_context(HttpClient(connections=10, user_agent="test", transport=transport))
        engine = make_engine(config.load(tmp_path / "config.toml"))
        options = AnsweringOptions(keep_text=True, config="v1", owner="one")
        metrics = Metrics()
        one = Answering(engine, store.ledger, RuleServices(client), NO_COPIES, options, clock, metrics)
        yield House(tmp_path, store, RuleServices(client), bot, clock, log, one, metrics)
        bot.gate.set()
        await one.stop(5)


def message(to: str = BOT, text: str = "hello", sender: str | None = None, **more: Any) -> InboundMessage:
    """A new one of somebody new."""
    return InboundMessage(f"message-{next(_uuids)}", sender or wire.sender(), to, text, **more)


def request(*proofs: Proof) -> Verified:
    """Signed by Plivo."""
    return Verified("/message", (), proofs, "V3")


async def say(house: House, one: InboundMessage) -> str | None:
    """The text of the answer."""
    return wire.text_of(await house.answering.answer(one, request()))


async def cancel(task: asyncio.Task[Any]) -> None:
    """As the gate does at the deadline."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_joiners_share_one_walk(house: House) -> None:
    """Twenty copies that come while the rule is asked: one call, the same bytes for all."""
    one = message()
    copies = [asyncio.create_task(house.answering.answer(one, request())) for _ in range(10)]
    await house.bot.called.wait()
    copies += [asyncio.create_task(house.answering.answer(one, request())) for _ in range(10)]
    house.bot.gate.set()
    answers = await asyncio.gather(*copies)
    assert {wire.text_of(xml) for xml in answers} == {"Hello from the bot."}
    assert len(set(answers)) == len(house.bot.calls) == 1
    assert await house.rows(claims) == []
    assert house.counted("messages_total", route="bot", outcome="answered") == 1
    assert house.counted("messages_total", route="bot", outcome="repeat") == 19


async def test_chain_goes_on_when_its_caller_is_gone(house: House) -> None:
    """G4: the deadline cancels the call, not the rule; the next call has its answer without a second call."""
    one = message()
    first = asyncio.create_task(house.answering.answer(one, request()))
    await house.bot.called.wait()
    await cancel(first)
    house.bot.gate.set()
    assert await say(house, one) == "Hello from the bot."
    assert len(house.bot.calls) == 1


async def test_next_call_joins_a_chain_that_still_goes(house: House) -> None:
    """All who asked are gone; who asks again waits with the same chain, and may be cancelled too."""
    one = message()
    for _ in range(3):
        call = asyncio.create_task(house.answering.answer(one, request()))
        await house.bot.called.wait()
        await cancel(call)
    last = asyncio.create_task(house.answering.answer(one, request()))
    await asyncio.sleep(0)
    house.bot.gate.set()
    assert wire.text_of(await last) == "Hello from the bot."
    assert len(house.bot.calls) == 1


async def test_answer_stays_though_nobody_comes_again(house: House) -> None:
    """What a chain found behind a cancelled call is recorded by itself."""
    one = message()
    call = asyncio.create_task(house.answering.answer(one, request()))
    await house.bot.called.wait()
    await cancel(call)
    house.bot.gate.set()
    await house.answering.stop(5)
    (row,) = await house.rows(messages)
    assert (row["message_uuid"], wire.text_of(row["xml"])) == (one.message_uuid, "Hello from the bot.")


async def test_fourth_failure_is_silence(house: House) -> None:
    """G4: a failed chain is not remembered, each call asks again; the fourth ends in silence and an error line."""
    house.bot.gate.set()
    house.bot.answer = lambda: says("", 500)
    one = message()
    for call in (1, 2, 3):
        with pytest.raises(ChainFailed, match=f"call {call} of 4"):
            await say(house, one)
        assert await house.rows(messages) == []
    assert await say(house, one) is None
    assert await say(house, one) is None
    assert len(house.bot.calls) == 4
    assert {call.headers["webhook-id"] for call in house.bot.calls} == {f"{one.message_uuid}.bot"}
    (line,) = house.lines("given up: silence, for a rule failed on every call")
    assert (line["level"], line["message_uuid"], line["calls"]) == ("error", one.message_uuid, 4)
    (row,) = await house.rows(messages)
    assert row["reason"] == "nothing answered, and a rule failed"
    counts = {"failed": 3, "given_up": 1, "repeat": 1}  # each call of Plivo's is one of these
    assert {one: house.counted("messages_total", route="bot", outcome=one) for one in counts} == counts
    assert house.counted("rule_failures_total", route="bot", rule="bot") == 4
    assert [(step["rule"], step["verdict"]) for step in json.loads(row["steps"])] == [("bot", "fails")]


async def test_failures_count_across_processes(house: House) -> None:
    """A restart between two calls does not begin the count anew."""
    house.bot.gate.set()
    house.bot.answer = lambda: says("", 500)
    one = message()
    for call in (1, 2, 3):
        with pytest.raises(ChainFailed, match=f"call {call} of 4"):
            await house.another(f"life-{call}").answer(one, request())
    assert wire.text_of(await house.another("life-4").answer(one, request())) is None


async def test_call_after_a_failure_saves_it(house: House) -> None:
    """A rule that works again on Plivo's third call answers, and that answer stays."""
    house.bot.gate.set()
    answers = iter([says("", 500), says("", 302), says("Hello from the bot."), says("", 500)])
    house.bot.answer = lambda: next(answers)
    one = message()
    for _ in range(2):
        with pytest.raises(ChainFailed):
            await say(house, one)
    assert [await say(house, one), await say(house, one)] == ["Hello from the bot."] * 2
    assert len(house.bot.calls) == 3


async def test_next_rule_saves_a_failed_one(house: House) -> None:
    """A rule behind the failed one answers: no 503, nothing is counted, the bot is asked once."""
    house.bot.gate.set()
    house.bot.answer = lambda: says("", 500)
    one = message(SAVED)
    assert [await say(house, one), await say(house, one)] == ["Got it."] * 2
    assert len(house.bot.calls) == 1
    assert await house.rows(claims) == []


async def test_all_joiners_of_a_failed_chain_hear_so(house: House) -> None:
    """Copies that share a failed walk get 503 together, and it counts once."""
    house.bot.answer = lambda: says("", 500)
    one = message()
    copies = [asyncio.create_task(house.answering.answer(one, request())) for _ in range(5)]
    await house.bot.called.wait()
    house.bot.gate.set()
    got = await asyncio.gather(*copies, return_exceptions=True)
    assert all(isinstance(error, ChainFailed) for error in got)
    assert {str(error) for error in got} == {"nothing answered, and a rule failed (call 1 of 4)"}
    assert len(house.bot.calls) == 1


async def test_another_process_waits_for_the_claim(house: House) -> None:
    """A copy at another replica polls, and gets the bytes of the one who decides."""
    one = message()
    here = asyncio.create_task(house.answering.answer(one, request()))
    await house.bot.called.wait()
    there = asyncio.create_task(house.another().answer(one, request()))
    house.bot.gate.set()
    assert len({await here, await there}) == 1
    assert len(house.bot.calls) == 1


async def test_crashed_owner_is_followed(house: House) -> None:
    """A claim whose owner never settles runs out before Plivo's next call gives up; then the bot is asked once more."""
    one = message()
    crashed = asyncio.create_task(house.another("crashed").answer(one, request()))
    await house.bot.called.wait()
    await cancel(crashed)  # and its chain hangs for ever, as far as anybody knows
    house.clock.advance(answering.CLAIM)
    house.bot.called.clear()
    call = asyncio.create_task(house.answering.answer(one, request()))
    await house.bot.called.wait()
    house.bot.gate.set()
    assert wire.text_of(await call) == "Hello from the bot."
    assert len(house.bot.calls) == 2
    assert len(await house.rows(messages)) == 1


async def test_stop_gives_late_rules_their_time(house: House) -> None:
    """A chain that ends within the time of `stop` is recorded, its caller long gone."""
    one = message()
    call = asyncio.create_task(house.answering.answer(one, request()))
    await house.bot.called.wait()
    await cancel(call)
    stopping = asyncio.create_task(house.answering.stop(30))
    await asyncio.sleep(0)
    assert not stopping.done()
    house.bot.gate.set()
    await stopping
    assert wire.text_of((await house.rows(messages))[0]["xml"]) == "Hello from the bot."


async def test_stop_frees_the_claims_of_the_rest(house: House) -> None:
    """A chain that does not end in time is let go: the next process may ask at once, and no failure is counted."""
    one = message()
    call = asyncio.create_task(house.answering.answer(one, request()))
    await house.bot.called.wait()
    await house.answering.stop(0.01)
    with pytest.raises(asyncio.CancelledError):
        await call
    (claim,) = await house.rows(claims)
    assert (claim["failures"], claim["until"] <= house.clock.now) == (0, True)
    house.bot.gate.set()
    assert wire.text_of(await house.another().answer(one, request())) == "Hello from the bot."


async def test_caller_that_goes_away_while_it_claims(house: House) -> None:
    """A call that is cancelled before its chain begins leaves no claim that keeps the next call waiting."""
    house.bot.gate.set()
    one = message()
    for turns in range(12):
        call = asyncio.create_task(house.answering.answer(one, request()))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    async with asyncio.timeout(2):
        assert await say(house, one) == "Hello from the bot."
    assert len(house.bot.calls) == 1


async def test_stop_with_nothing_under_way(house: House) -> None:
    """An idle service stops at once."""
    async with asyncio.timeout(1):
        await house.answering.stop(30)


async def fill(house: House) -> list[asyncio.Task[bytes]]:
    """As many chains as may be under way, each at the bot."""
    house.bot.enough = answering.LATE
    calls = [asyncio.create_task(house.answering.answer(message(), request())) for _ in range(answering.LATE)]
    await house.bot.called.wait()
    return calls


async def test_late_chains_are_bounded(house: House) -> None:
    """Past the bound a message that needs a rule is 503; one that needs none is answered as ever."""
    calls = await fill(house)
    one = message()
    with pytest.raises(Busy, match="500 messages of route bot wait for their rules"):
        await say(house, one)
    assert house.answering.in_flight == 500
    assert await say(house, message(ECHO, "still here")) == "You said: still here"
    house.bot.gate.set()
    assert {wire.text_of(xml) for xml in await asyncio.gather(*calls)} == {"Hello from the bot."}
    assert await say(house, message()) == "Hello from the bot."


async def test_message_refused_for_the_bound_is_free_again(house: House) -> None:
    """Who was told 503 for the bound comes again and is answered at once."""
    calls = await fill(house)
    one = message()
    with pytest.raises(Unavailable):
        await say(house, one)
    house.bot.gate.set()
    await asyncio.gather(*calls)
    async with asyncio.timeout(2):
        assert await say(house, one) == "Hello from the bot."


async def test_start_of_a_limit_is_told_once(house: House) -> None:
    """The log says when a limit begins to silence a sender, once, and again when it was lifted in between."""
    sender = wire.sender()
    assert await say(house, message(FEW, sender=sender)) == "Few."
    for _ in range(3):
        assert await say(house, message(FEW, sender=sender)) is None
    (line,) = house.lines("a limit starts to silence")
    assert (line["level"], line["route"], line["reason"]) == ("warning", "few", "limit: per_sender 1/1h")
    assert (line["from"], line["to"]) == (f"..{sender[-4:]}", "..0003")
    other = wire.sender()
    assert [await say(house, message(FEW, sender=other)) for _ in range(2)] == ["Few.", None]
    assert len(house.lines("a limit starts to silence")) == 2
    house.clock.advance(3600)
    assert [await say(house, message(FEW, sender=sender)) for _ in range(3)] == ["Few.", None, None]
    assert len(house.lines("a limit starts to silence")) == 3


async def test_fuse_is_told_of_at_80_percent(house: House) -> None:
    """The answer that takes a fuse over 80 % is told of, once; then the fuse burns and silences everybody."""
    for spent in range(1, 11):
        assert await say(house, message(FEW)) == "Few."
        assert len(house.lines("a fuse is at 80 %")) == (spent >= 8)
    (line,) = house.lines("a fuse is at 80 %")
    assert (line["level"], line["fuse"], line["route"]) == ("warning", "total 10/1d of route few", "few")
    assert await say(house, message(FEW)) is None
    assert house.lines("a limit starts to silence")[-1]["reason"] == "limit: total 10/1d of route few"
    assert await say(house, message(ECHO, "others")) == "You said: others"  # another route's fuse


async def test_cut_text_is_warned_of(house: House) -> None:
    """A dynamic text over max_units leaves with "..." and a warning that names the message."""
    long, short = message(ECHO, "x" * 400), message(ECHO, "short")
    said = await say(house, long) or ""
    assert (len(said), said[-3:]) == (160, "...")
    assert await say(house, short) == "You said: short"
    (line,) = house.lines("a text was cut to max_units")
    assert (line["level"], line["message_uuid"]) == ("warning", long.message_uuid)


async def test_cooldown_is_used_once(house: House) -> None:
    """Of ten messages of one sender at once, one has the answer of a rule with a cooldown; its repeats have it too."""
    sender = wire.sender()
    sent = [message(ONCE, sender=sender) for _ in range(10)]
    said = await asyncio.gather(*(say(house, one) for one in sent))
    assert sorted(text or "" for text in said) == [""] * 9 + ["Once."]
    assert await asyncio.gather(*(say(house, one) for one in sent)) == said
    house.clock.advance(3600)
    assert await say(house, message(ONCE, sender=sender)) == "Once."


async def test_log_holds_no_text_and_no_whole_number(house: House) -> None:
    """G12: answers, failures, limits, cuts, opt-outs, joiners: no word of them and no number is in the log."""
    house.bot.gate.set()
    secret, sender = "Geheimnis", "33712345678"
    house.bot.answer = lambda: says(f"{secret} back")
    for to in (BOT, SAVED, ONCE, FEW, FEW, ECHO):
        await say(house, message(to, f"{secret} for {sender}", sender=sender))
    await say(house, message(ECHO, secret * 100, sender=sender))
    for response in (says(secret, 500), says(secret, content_type="text/html")):
        house.bot.answer = lambda response=response: response  # type: ignore[misc]
        with pytest.raises(ChainFailed):
            await say(house, message(BOT, secret, sender=sender))
    house.bot.answer = lambda: says(f'{{"rule": "{secret}"}}', content_type="application/json")
    failing = message(BOT, secret, sender=sender, media=(f"https://media.test/{secret}",))
    for _ in range(3):
        with pytest.raises(ChainFailed):
            await say(house, failing)
    assert await say(house, failing) is None
    await say(house, message(ECHO, "STOP", sender=sender))
    await say(house, message(ECHO, secret, sender=sender))
    log = house.log.getvalue()
    for event in ("a limit starts to silence", "a text was cut to max_units", "rule failed", "answered"):
        assert house.lines(event)
    assert secret.lower() not in log.lower()
    assert sender not in log
    assert not any(number in log for number in (BOT, SAVED, ONCE, FEW, ECHO))


async def test_full_route_takes_nobody_elses_room(house: House) -> None:
    """G7: while one webhook hangs for as many as may wait, another route that claims is answered as ever."""
    calls = await fill(house)
    assert await say(house, message("33644600002")) == "Once."
    house.bot.gate.set()
    await asyncio.gather(*calls)
