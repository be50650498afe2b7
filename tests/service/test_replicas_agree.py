"""What one replica does binds the other: limits, cooldowns, opt-outs, claims, commands, leases (G3, G6, 8, 9)."""

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import bot, plivo_sdk, postgres, process, receiver, wire
from support.bot import Bot
from support.process import Served
from support.receiver import Receiver

PER_SENDER, ROUTE_CAP = 5, 7
CONFIG = """
[store]
url = "{store}"
[[routes]]
name = "shop"
to = "*"
rules = ["bot", "once", "ack"]
[[routes]]
name = "thrifty"
to = "+33644600077"
text = "Dear."
limits = {{ total = "7/1d" }}
[rules.bot]
match = "^slow"
webhook = "{bot}"
[rules.once]
match = "^once"
text = "Only once."
cooldown = "1h"
[rules.ack]
text = "Got it."
[limits]
per_sender = "5/1h"
same_text = "2/1h"
[targets.crm]
url = "{crm}"
concurrency = 8
"""


@dataclass
class House:
    """Two replicas on the database `where`, with what they call. While `gate` is closed the bot and the receiver keep
    whoever asks waiting.
    """

    where: str
    one: Served
    other: Served
    crm: Receiver
    bot: Bot
    gate: threading.Event = field(default_factory=threading.Event)

    def say(self, at: Served, sender: str, text: str) -> str | None:
        """What that replica answers."""
        return wire.answered(at, wire.message(From=sender, Text=text))


@contextmanager
def _house(server: str, make: Callable[[str], Path]) -> Iterator[House]:
    gate = threading.Event()
    gate.set()

    def wait_then(answer: object) -> object:
        assert gate.wait(30)
        return answer

    with (
        postgres.made(server) as store,
        receiver.receiving(lambda _got: wait_then(204)) as crm,  # type: ignore[arg-type,return-value]
        bot.answering(lambda _call: wait_then((200, "At last."))) as webhook,  # type: ignore[arg-type,return-value]
    ):
        config = process.HEAD + CONFIG.format(store=store, bot=webhook.url, crm=crm.url)
        with (
            process.served(make("one"), config) as one,
            process.served(make("other"), config, command=process.COMMAND) as other,
        ):
            yield House(store, one, other, crm, webhook, gate)


@pytest.fixture(scope="module")
def house(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two replicas."""
    with _house(server, tmp_path_factory.mktemp) as made:
        yield made


def test_a_cooldown_holds_at_both(house: House) -> None:
    """G8: what one has said once, the other does not say again."""
    sender = wire.sender()
    assert house.say(house.one, sender, "once please") == "Only once."
    assert house.say(house.other, sender, "once more") is None


def test_the_same_text_is_counted_at_both(house: House) -> None:
    """G8: a robot that is sent from replica to replica is silenced as soon as at one."""
    sender = wire.sender()
    places = [house.one, house.other, house.one, house.other]
    assert [house.say(place, sender, "beep") for place in places] == ["Got it.", "Got it.", None, None]


def test_a_limit_holds_at_both(house: House) -> None:
    """G8: one after the other, wherever they arrive, exactly as many are answered as the limit allows."""
    sender = wire.sender()
    places = itertools.cycle([house.one, house.other])
    answers = [house.say(next(places), sender, f"word {number}") for number in range(8)]
    assert answers == ["Got it."] * PER_SENDER + [None] * 3


def test_a_limit_holds_for_a_flood_at_both(house: House) -> None:
    """G8: forty messages of one sender at once, at two replicas: as many answers as one allows."""
    sender = wire.sender()

    def say(number: int) -> str | None:
        return house.say((house.one, house.other)[number % 2], sender, f"flood {number}")

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(say, range(40)))["Got it."] == PER_SENDER


def test_a_fuse_burns_once_for_both(house: House) -> None:
    """G8: forty people at once, at two replicas: not one unit more than the spending cap of the route allows."""

    def say(number: int) -> str | None:
        return wire.answered((house.one, house.other)[number % 2], wire.message(To="33644600077"))

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(say, range(40)))["Dear."] == ROUTE_CAP


def test_stop_at_one_is_stop_at_the_other(house: House) -> None:
    """G9: the next message, at once, at another replica."""
    sender = wire.sender()
    assert house.say(house.one, sender, "STOP") is not None
    assert house.say(house.other, sender, "hello") is None
    assert house.say(house.other, sender, "START") == "Welcome back."
    assert house.say(house.one, sender, "hello") == "Got it."


def test_what_one_decides_the_other_waits_for(house: House) -> None:
    """G3: the webhook of a message that both are asked for is called once, and both say the same bytes."""
    message = wire.message(Text="slow one")
    house.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(wire.tell, house.one, message)
        house.bot.wait_for(message)
        second = pool.submit(wire.tell, house.other, message)
        time.sleep(0.5)  # the other asks the store, more than once, and finds the claim
        assert not second.done()
        house.gate.set()
        assert first.result() == second.result()
    assert wire.text_of(first.result()[1]) == "At last."
    assert len(house.bot.of(message)) == 1


def test_an_opt_out_by_command_is_seen_by_both(house: House) -> None:
    """`optout add` at a third place: no message goes out any more, from either, at once."""
    sender = wire.sender()
    arguments = ("--to", "+33644600000", "--from", f"+{sender}")
    assert process.run("optout", "add", *arguments, cwd=house.one.folder).returncode == 0
    assert [house.say(place, sender, "hello") for place in (house.one, house.other)] == [None, None]


def test_a_pause_by_command_is_seen_by_both(house: House) -> None:
    """`deliveries pause`: neither posts within 1 s of its looking; after `resume` all comes within a second or two."""
    assert process.run("deliveries", "pause", "crm", cwd=house.one.folder).returncode == 0
    before = len(house.crm.received)
    for number in range(6):
        assert wire.tell((house.one, house.other)[number % 2], plivo_sdk.report(), "/report")[0] == 200
    time.sleep(1.2)  # both look for what is due each second
    assert len(house.crm.received) == before
    assert process.run("deliveries", "resume", "crm", cwd=house.one.folder).returncode == 0
    house.crm.wait_for(lambda got: len(got) == before + 6, seconds=10)


def test_what_a_killed_replica_held_is_delivered_by_the_other(
    server: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """G6: kill -9 amid POSTs; once its leases have run out, the other delivers all, and no other report twice."""
    with _house(server, lambda name: tmp_path_factory.mktemp(f"killed-{name}")) as house:
        house.gate.clear()
        inside = threading.Semaphore(0)
        house.crm.answer = lambda _got: inside.release() or (204 if house.gate.wait(30) else 503)  # type: ignore[func-returns-value]
        for number in range(30):
            assert wire.tell((house.one, house.other)[number % 2], plivo_sdk.report(), "/report")[0] == 200
        for _ in range(16):
            assert inside.acquire(timeout=10)  # eight POSTs of each are under way
        house.one.kill()
        house.gate.set()
        house.crm.wait_for(lambda got: len({one.headers["webhook-id"] for one in got}) == 30)
        asyncio.run(postgres.execute(house.where, "UPDATE deliveries SET due_at = due_at - 30 WHERE state = 'due'"))
        got = house.crm.wait_for(lambda got: len(got) == 38)  # the receiver had noted what it then could not answer
        times = Counter(one.headers["webhook-id"] for one in got)
        assert sorted(times.values()) == [1] * 22 + [2] * 8
        assert house.other.stop() == 0
