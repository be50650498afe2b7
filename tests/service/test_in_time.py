"""G4 from outside: an answer in time, or 503 and the answer on Plivo's next call. Deadlines are short here.

How long a call took says that a service waited, and for what. It has no upper bound below the 8 s after which Plivo
hangs up: the status of the answer says that it was in time by the service's own clock.
"""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import bot, plivo_sdk, process, wire

CONFIG = """
[server]
public_url = "https://sms.example.com"
deadline = "{deadline}"
[plivo]
auth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}
[[routes]]
name = "late"
to = "+33644600000"
rules = "late"
[[routes]]
name = "short"
to = "+33644600001"
rules = "short"
[[routes]]
name = "saved"
to = "+33644600002"
rules = ["short", "ack"]
[rules.late]
webhook = "{url}/late"
timeout = "20s"
[rules.short]
webhook = "{url}/short"
timeout = "{short}"
[rules.ack]
text = "Got it."
"""
PLIVO_HANGS_UP = 8.0  # seconds
LATE, SHORT, SAVED = (f"3364460000{number}" for number in range(3))


@dataclass
class House:
    """A service and its bot, which does as the message's text says: "wait", "fail" or anything else."""

    folder: Path
    config: str
    service: process.Served
    bot: bot.Bot
    go: threading.Event

    def call(self, params: list[tuple[str, str]]) -> tuple[int, bytes, float]:
        """Status, body, and how long it took."""
        started = time.monotonic()
        status, body = wire.tell(self.service, params)
        return status, body, time.monotonic() - started


@contextlib.contextmanager
def _house(folder: Path) -> Iterator[House]:
    go = threading.Event()

    def answer(call: bot.Call) -> bot.Says:
        match call.message["text"]:
            case "wait":
                go.wait(30)
            case "fail":
                return 500, "broken"
        return 200, "Hello from the bot."

    with bot.answering(answer) as one:
        config = CONFIG.format(url=one.url, deadline="1s", short="300ms")
        with process.served(folder, config) as service:
            yield House(folder, config, service, one, go)
            go.set()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One to be stopped or killed: a deadline of 1 s and a short rule of 0.3 s."""
    with _house(tmp_path) as house:
        yield house


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One that goes on."""
    with _house(tmp_path_factory.mktemp("in-time")) as house:
        yield house


@pytest.fixture
def lasting(running: House) -> House:
    """One that goes on, its bot waiting again."""
    running.go.clear()
    return running


def test_slow_rule_answers_the_next_call(lasting: House) -> None:
    """Past the deadline this call is 503; the rule goes on and the next call has its text: one call in all."""
    params = wire.message(To=LATE, Text="wait")
    status, _, took = lasting.call(params)
    assert status == 503
    assert 0.9 < took < PLIVO_HANGS_UP
    assert lasting.call(params)[0] == 503  # Plivo comes again, and it is still not ready
    lasting.go.set()
    status, xml, took = lasting.call(params)
    assert (status, wire.text_of(xml)) == (200, "Hello from the bot.")
    assert wire.tell(lasting.service, params) == (200, xml)
    assert len(lasting.bot.of(params)) == 1


def test_real_figures(tmp_path: Path) -> None:
    """A webhook that takes 9 s with a timeout of 20 s: 503 before Plivo hangs up, then the text; one call."""

    def answer(_call: bot.Call) -> bot.Says:
        time.sleep(9)  # what is under test
        return 200, "Hello after nine seconds."

    with (
        bot.answering(answer) as one,
        process.served(tmp_path, CONFIG.format(url=one.url, deadline="6s", short="2s")) as service,
    ):
        never = wire.message(To=SAVED)
        params = wire.message(To=LATE)
        started = time.monotonic()
        late = threading.Thread(target=lambda: seconds.append((wire.tell(service, params), time.monotonic() - started)))
        seconds: list[tuple[tuple[int, bytes], float]] = []
        late.start()
        assert wire.answered(service, never) == "Got it."
        assert time.monotonic() - started > 1.9
        late.join(10)
        (((status, _), took),) = seconds
        assert status == 503
        assert 5.5 < took < PLIVO_HANGS_UP
        assert wire.answered(service, params) == "Hello after nine seconds."
        assert len(one.of(params)) == 1


def test_rule_that_never_answers(lasting: House) -> None:
    """A rule's timeout is its life: the next rule answers within the deadline; without one it is 503."""
    saved, alone = wire.message(To=SAVED, Text="wait"), wire.message(To=SHORT, Text="wait")
    status, xml, took = lasting.call(saved)
    assert (status, wire.text_of(xml)) == (200, "Got it.")
    assert 0.2 < took < PLIVO_HANGS_UP
    assert lasting.call(alone)[0] == 503
    assert lasting.call(saved)[:2] == (200, xml)
    assert (len(lasting.bot.of(saved)), len(lasting.bot.of(alone))) == (1, 1)
    reasons = [line["reason"] for line in lasting.service.wait_for("rule failed", 2)]
    assert reasons == ["no answer within its timeout of 0.3 s"] * 2


def test_four_failures_are_silence(house: House) -> None:
    """Three calls are 503, the fourth is silence with an error line, and so it stays, also after a restart."""
    params = wire.message(To=LATE, Text="fail")
    assert [house.call(params)[0] for _ in range(3)] == [503] * 3
    fourth = wire.tell(house.service, params)
    assert (fourth[0], wire.text_of(fourth[1])) == (200, None)
    assert wire.tell(house.service, params) == fourth
    assert len(house.bot.of(params)) == 4
    (line,) = house.service.wait_for("giving up after failed calls, sending no reply")
    assert (line["level"], line["calls"], line["message_uuid"]) == ("error", 4, dict(params)["MessageUUID"])
    house.service.kill()
    with process.served(house.folder, house.config) as service:
        assert wire.tell(service, params) == fourth
    assert len(house.bot.of(params)) == 4


def test_failures_are_counted_over_a_restart(house: House) -> None:
    """A crash between Plivo's calls does not give a broken rule more calls."""
    params = wire.message(To=LATE, Text="fail")
    assert [house.call(params)[0] for _ in range(2)] == [503] * 2
    house.service.kill()
    with process.served(house.folder, house.config) as service:
        assert [wire.tell(service, params)[0] for _ in range(2)] == [503, 200]


def test_sigterm_lets_a_late_rule_finish(house: House) -> None:
    """A rule under way at SIGTERM may finish; the next process gives its answer without asking again."""
    params = wire.message(To=LATE, Text="wait")
    assert house.call(params)[0] == 503
    stopping = threading.Thread(target=house.service.stop)
    stopping.start()
    _until_stopped_listening(house.service)
    house.go.set()
    stopping.join(12)
    assert house.service.process.returncode == 0
    with process.served(house.folder, house.config) as service:
        assert wire.answered(service, params) == "Hello from the bot."
    assert len(house.bot.of(params)) == 1


def test_message_that_arrives_while_it_stops(house: House) -> None:
    """A message whose last bytes come after SIGTERM gets 503 in time; its rule is let go without a failure."""
    params = wire.message(To=LATE, Text="wait")
    sent = wire.signed("/message", params)
    with wire.dial(house.service) as connection:
        connection.sendall(sent[:-10])
        assert wire.tell(house.service, wire.message(To=LATE))[0] == 200  # by now its head is read
        stopping = threading.Thread(target=house.service.stop)
        stopping.start()
        _until_stopped_listening(house.service)
        connection.sendall(sent[-10:])
        assert wire.read(connection).status == 503
    stopping.join(12)
    assert house.service.process.returncode == 0
    assert "Traceback" not in house.service.text()
    assert _claims(house.folder) == [(dict(params)["MessageUUID"], 0)]
    assert [line for line in house.service.lines() if line["event"] == "rule failed"] == []


def _claims(folder: Path) -> list[tuple[str, int]]:
    """Messages without an answer that nobody holds, and how often their rules failed."""
    with contextlib.closing(sqlite3.connect(folder / "autoreply.db")) as store:
        query = "SELECT message_uuid, failures FROM messages WHERE state = 'pending' AND claimed_until <= ?"
        return store.execute(query, (time.time(),)).fetchall()


def _until_stopped_listening(service: process.Served) -> None:
    """SIGTERM has been heard."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            wire.dial(service).close()
        except OSError:
            return
        time.sleep(0.02)  # polling a process, not waiting for luck
    raise AssertionError


def test_deadline_holds_for_everybody(lasting: House) -> None:
    """Fifty slow messages at once: each is 503 in time, and a quick one beside them is answered at once."""
    many = [wire.message(To=LATE, Text="wait") for _ in range(50)]
    got: list[tuple[int, bytes, float]] = []
    threads = [threading.Thread(target=lambda params=params: got.append(lasting.call(params))) for params in many]
    for thread in threads:
        thread.start()
    lasting.bot.wait_for(many[0])
    quick = wire.message(To=LATE, Text="quick")
    status, xml, _ = lasting.call(quick)
    assert (status, wire.text_of(xml)) == (200, "Hello from the bot.")
    for thread in threads:
        thread.join(10)
    assert [status for status, _, _ in got] == [503] * 50
    assert max(took for _, _, took in got) < PLIVO_HANGS_UP
    lasting.go.set()
    assert {wire.answered(lasting.service, params) for params in many} == {"Hello from the bot."}
    assert all(len(lasting.bot.of(params)) == 1 for params in many)


def test_unsigned_question_reaches_no_rule(lasting: House) -> None:
    """G1: a forged message asks nobody."""
    params = wire.message(To=LATE)
    headers = plivo_sdk.headers("POST", f"{wire.PUBLIC}/message", params, token="another account's")
    assert process.call(lasting.service, "POST", "/message", params, headers)[0] == 403
    assert lasting.bot.of(params) == []


def test_store_that_is_too_slow_has_handed_nothing_over(tmp_path: Path) -> None:
    """G10: the call that waited for the store in vain is told as 503; the answer is there for the next one."""
    params = wire.message(To=LATE)
    config = process.MINIMAL.replace("[plivo]", 'deadline = "1s"\n[plivo]')
    with process.served(tmp_path, config) as service:
        with contextlib.closing(sqlite3.connect(tmp_path / "autoreply.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert wire.tell(service, params)[0] == 503
        service.wait_for("refused", status=503)
        assert wire.tell(service, params)[0] == 200
        said = process.run("history", dict(params)["MessageUUID"], "--json", cwd=tmp_path)
    (told,) = json.loads(said.stdout)
    assert [call["status"] for call in told["calls"]] == [503, 200]
    assert told["handed_over_at"] == told["calls"][1]["at"]
