"""G3, G5 and G6 from outside: SIGKILL at every named step of a message and of a report (`dying.py` has the table).

Plivo calls until it hears 200, as it does; what is judged is what it heard, what the webhook was asked and what the
target got. One store lives through all the kills of its engine.
"""

import asyncio
import itertools
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults import dying
from support import bot, plivo_sdk, postgres, process, receiver, wire
from support.crowd import Call, Crowd

CALLS = 6
LEASE, CLAIM = 30, 60  # seconds: a delivery's (the timeout of a target, and what the forwarder adds), and a message's
BOT = "33644600009"

CONFIG = """
{store}
[[routes]]
name = "bot"
to = "+33644600009"
rules = "bot"
[rules.bot]
webhook = "{bot}"
[[routes]]
to = "*"
text = "Thanks, we got your message."
[targets.crm]
url = "{crm}"
"""

# Every step, and how often it is passed before the kill: where a group of calls may pass together, the first time.
TIMES = {
    "message: written": 1,
    "message: committed": 3,
    "message: answered": 3,
    "claim: written": 1,
    "claim: taken": 3,
    "webhook: heard": 3,
    "webhook: answered": 3,
    "report: written": 1,
    "report: committed": 3,
    "delivery: lease written": 1,
    "delivery: leased": 1,
    "delivery: heard": 3,
    "delivery: posted": 3,
    "delivery: settle written": 1,
    "delivery: settled": 3,
}
ON_POSTGRESQL = ("message: committed", "claim: taken", "report: written", "delivery: lease written", "delivery: leased")


@dataclass
class House:
    """The service on one store, through all its lives; the webhook it asks and the target it feeds."""

    folder: Path
    run: Callable[[str], list[tuple[Any, ...]]]  # SQL
    crm: receiver.Receiver
    bot: bot.Bot
    service: process.Served = field(init=False)

    def start(self) -> process.Served:
        """A new life."""
        self.service = process.Served(self.folder, program=dying.__file__)
        return self.service

    def bury(self) -> None:
        """Waits until it has died of its step; what a dead process holds runs out without anybody waiting for it."""
        assert self.service.process.wait(10) == -signal.SIGKILL, self.service.text()
        dying.disarm(self.folder)
        self.run(f"UPDATE deliveries SET due_at = due_at - {LEASE} WHERE state = 'due'")  # noqa: S608 - a constant
        self.run(f"UPDATE messages SET claimed_until = claimed_until - {CLAIM} WHERE state = 'pending'")  # noqa: S608 - likewise

    def posts(self, uuid: str) -> list[str]:
        """The webhook-id of each POST of this report."""
        needle = f'"message_uuid": "{uuid}"'.encode()
        with self.crm.arrived:
            return [one.headers["webhook-id"] for one in self.crm.received if needle in one.body]


@contextmanager
def _living(folder: Path, store: str, run: Callable[[str], list[tuple[Any, ...]]]) -> Iterator[House]:
    said = itertools.count()
    with (
        receiver.receiving() as crm,
        bot.answering(lambda _call: (200, f"reply {next(said)}")) as webhook,  # never the same
    ):
        (folder / "config.toml").write_text(process.HEAD + CONFIG.format(store=store, bot=webhook.url, crm=crm.url))
        house = House(folder, run, crm, webhook)
        house.start()
        try:
            yield house
        finally:
            if house.service.process.poll() is None:
                assert house.service.stop() == 0


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """On SQLite."""
    folder = tmp_path_factory.mktemp("house")

    def run(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(folder / "autoreply.db")) as store, store:
            return store.execute(statement).fetchall()

    with _living(folder, "", run) as house:
        yield house


@pytest.fixture(scope="module")
def on_postgresql(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """On PostgreSQL."""
    with postgres.made(server) as url:
        store = f'[store]\nurl = "{url}"'
        run = lambda statement: asyncio.run(postgres.execute(url, statement))  # noqa: E731
        with _living(tmp_path_factory.mktemp("house"), store, run) as house:
            yield house


def _traffic(step: str) -> list[Call]:
    """What passes this step, and nothing else."""
    match step.partition(":")[0]:
        case "message":
            return [Call("/message", wire.message()) for _ in range(CALLS)]
        case "claim" | "webhook":
            return [Call("/message", wire.message(To=BOT)) for _ in range(CALLS)]
        case _:
            return [Call("/report", plivo_sdk.report()) for _ in range(CALLS)]


@pytest.mark.parametrize("step", dying.STEPS)
def test_a_kill_there_breaks_no_guarantee(embedded: House, step: str) -> None:
    """One kill: Plivo hears one answer for ever, a webhook is asked once more at most, no report is lost."""
    _kill_there(embedded, step)


@pytest.mark.parametrize("step", ON_POSTGRESQL)
def test_nor_on_postgresql(on_postgresql: House, step: str) -> None:
    """The same where the database is a server, which learns of the death by a closed connection."""
    _kill_there(on_postgresql, step)


def _kill_there(house: House, step: str) -> None:
    calls = _traffic(step)
    dying.arm(house.folder, step, TIMES[step])
    crowd, after = Crowd(CALLS), Crowd(2)
    crowd.service = house.service
    crowd.call(*calls)
    house.bury()
    crowd.service = after.service = house.start()
    crowd.join()
    if calls[0].path == "/message":
        after.call(
            *calls
        )  # also those that were answered before the kill; a report that is told again would hide a loss
    after.join()
    heard: dict[str, set[bytes]] = {}
    for one in [*crowd.heard, *after.heard]:
        heard.setdefault(one.uuid, set()).add(one.body)
    assert heard.keys() == {call.uuid for call in calls}
    for call in calls:
        (body,) = heard[call.uuid]
        if call.path == "/report":
            _judge_report(house, call)
        else:
            _judge_message(house, call, body)
    if calls[0].path == "/report":
        _wait_until_all_are_done(house)


def _judge_message(house: House, call: Call, xml: bytes) -> None:
    asked = house.bot.of(list(call.params))
    if dict(call.params)["To"] != BOT:
        assert (wire.text_of(xml), asked) == ("Thanks, we got your message.", [])
        return
    assert str(wire.text_of(xml)).startswith("reply ")
    assert 1 <= len(asked) <= 2  # once more after a kill
    assert {one.identity for one in asked} == {f"{call.uuid}.bot"}


def _judge_report(house: House, call: Call) -> None:
    house.crm.wait_for(lambda _received: bool(house.posts(call.uuid)))
    posts = house.posts(call.uuid)
    assert len(posts) <= 2
    assert len(set(posts)) == 1


def _wait_until_all_are_done(house: House) -> None:
    """Nothing is left behind to be posted a third time."""
    until = time.monotonic() + 10
    while (left := house.run("SELECT state, count(*) FROM deliveries WHERE state <> 'done' GROUP BY state")) != []:
        assert time.monotonic() < until, left
        threading.Event().wait(0.05)  # polls a store
