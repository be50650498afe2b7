"""Targets that are slow, refuse, or are paused, from outside: what arrives, when, and what operators are told."""

import json
import re
import sqlite3
import threading
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from support import plivo_sdk, process, receiver, wire
from support.receiver import Received

CRM = '\n[targets.crm]\nurl = "{url}"\n'
ALL = 60
PER_SECOND = 10
SEEN = 7.0  # seconds: a running server sees a command within one; without it, the next probe is 10 s away
PAST = "Thu, 01 Jan 1970 00:00:00 GMT"


def _report(service: process.Served, **changes: str) -> str:
    """A report; its MessageUUID."""
    params = plivo_sdk.report(**changes)
    assert wire.tell(service, params, "/report")[0] == 200
    return dict(params)["MessageUUID"]


def _uuid(received: Received) -> str:
    return str(json.loads(received.body)["data"]["message_uuid"])


def _states(folder: Path) -> dict[str, tuple[str, int]]:
    """State and attempts of each delivery, by MessageUUID and status; read beside the server."""
    query = "SELECT message_uuid || ' ' || r.status, state, attempts FROM deliveries JOIN reports r ON r.id = report_id"
    with closing(sqlite3.connect(f"file:{folder / 'autoreply.db'}?mode=ro", uri=True)) as store:
        return {name: (state, attempts) for name, state, attempts in store.execute(query)}


def _settled(folder: Path, seconds: float = 60.0) -> set[tuple[str, int]]:
    """The states and attempts there are, once no delivery is due."""
    deadline = time.monotonic() + seconds
    while "due" in dict(states := set(_states(folder).values())):
        assert time.monotonic() < deadline, states
        time.sleep(0.02)  # polling a process, not waiting for luck
    return states


def test_slow_target_gets_every_report(tmp_path: Path) -> None:
    """Sixty at once for a target that takes ten a second, else 503 with Retry-After: all arrive, none is dead."""
    lock, taken = threading.Lock(), [0.0] * PER_SECOND

    def answer(_received: Received) -> tuple[int, dict[str, str]]:
        with lock:
            now = time.monotonic()
            if now - taken[0] < 1:
                return 503, {"retry-after": "1"}
            taken.append(now)
            del taken[0]
        return 204, {}

    with receiver.receiving(answer) as crm, process.served(tmp_path, process.MINIMAL + CRM.format(url=crm.url)) as one:
        sent = {_report(one) for _ in range(ALL)}
        assert _settled(tmp_path, seconds=120) == {("done", 1)}
        assert one.stop() == 0
        assert [line for line in one.lines() if line["event"] == "delivery marked dead"] == []
    assert sent == {_uuid(received) for received in crm.received}


@pytest.mark.parametrize(("status", "asked"), [(503, "1"), (429, PAST)])
def test_busy_target_loses_nothing_by_asking_for_a_moment(tmp_path: Path, status: int, asked: str) -> None:
    """One report hears 503 or 429 with a Retry-After of nearly nothing for longer than the list has delays; it arrives
    when the target takes it, no attempt is counted, and the others are not held up.
    """
    times: dict[str, list[float]] = defaultdict(list)
    well = threading.Event()

    def answer(received: Received) -> tuple[int, dict[str, str]]:
        times[_uuid(received)].append(time.monotonic())
        return (204, {}) if _uuid(received) != "slow" or well.is_set() else (status, {"retry-after": asked})

    with receiver.receiving(answer) as crm:
        config = process.MINIMAL + CRM.format(url=crm.url) + 'retry = ["500ms", "500ms"]\n'
        with process.served(tmp_path, config) as service:
            _report(service, MessageUUID="slow")
            others = {_report(service) for _ in range(5)}
            crm.wait_for(lambda _got: others < times.keys() and len(times["slow"]) > 3)
            well.set()
            slow = len(times["slow"])
            crm.wait_for(lambda _got: len(times["slow"]) > slow)
            assert _settled(tmp_path) == {("done", 1)}
    gaps = [later - before for before, later in zip(times["slow"], times["slow"][1:], strict=False)]
    assert min(gaps) > 0.9  # a second at least


def test_waits_are_the_longer_of_the_list_and_retry_after(tmp_path: Path) -> None:
    """`Retry-After: 1` does not hurry the list, whatever the status; a longer one is waited for."""
    times: dict[str, list[float]] = defaultdict(list)

    def answer(received: Received) -> tuple[int, dict[str, str]]:
        times[_uuid(received)].append(time.monotonic())
        first = len(times[_uuid(received)]) == 1
        return (500, {"retry-after": {"hurry": "1", "wait": "4"}[_uuid(received)]}) if first else (204, {})

    with receiver.receiving(answer) as crm:
        config = process.MINIMAL + CRM.format(url=crm.url) + 'retry = "3s"\n'
        with process.served(tmp_path, config) as service:
            _report(service, MessageUUID="hurry")
            _report(service, MessageUUID="wait")
            crm.wait_for(lambda got: len(got) == 4)
    waited = {name: second - first for name, (first, second) in times.items()}
    assert waited["hurry"] > 0.8 * 3
    assert waited["wait"] > 3.9


def test_operators_know_of_pauses_and_end_them(tmp_path: Path) -> None:
    """`list` tells that a target is paused by failures and when it is probed; `resume` probes now."""
    well = threading.Event()
    with receiver.receiving(lambda _received: 204 if well.is_set() else 500) as crm:
        config = process.MINIMAL + CRM.format(url=crm.url) + 'retry = "1h"\n'
        with process.served(tmp_path, config) as service:
            for _ in range(10):
                _report(service)
            service.wait_for("target still paused", 2, 60)  # the next probe is 10 s away
            told = _until(tmp_path, r"next probe \d\d:\d\d:\d\d[+-]\d\d:\d\d \(7 failures in a row\)")
            assert told.startswith("crm: paused by failures, next probe ")
            (row, *_) = json.loads(process.run("deliveries", "list", "--json", cwd=tmp_path).stdout)
            assert row["held_back_by"] == "failures"
            well.set()
            asked = len(crm.received)
            done = process.run("deliveries", "resume", "crm", cwd=tmp_path)
            assert (done.returncode, done.stdout) == (0, "crm was paused by failures and is probed now\n")
            crm.wait_for(lambda got: len(got) > asked, SEEN)
            _until(tmp_path, r"^(?!crm: paused)")
            assert process.run("deliveries", "resume", "crm", cwd=tmp_path).stdout == "crm was not paused\n"
            done = process.run("deliveries", "replay", "--target", "crm", "--state", "due", cwd=tmp_path)
            assert done.stdout.endswith("are due again\n")
            crm.wait_for(lambda got: len({_uuid(one) for one in got}) == 10)


def test_pause_of_an_operator_outlives_the_server(tmp_path: Path) -> None:
    """It lasts until `resume`, over a restart; `list` tells of it, with a server or without."""
    with receiver.receiving() as crm:
        config = process.MINIMAL + CRM.format(url=crm.url)
        with process.served(tmp_path, config) as service:
            assert process.run("deliveries", "pause", "crm", cwd=tmp_path).stdout == "crm is paused\n"
            _report(service)
        assert process.run("deliveries", "list", cwd=tmp_path).stdout.startswith("crm: paused by an operator since ")
        with process.served(tmp_path, config) as service:
            _report(service)
            assert set(_states(tmp_path).values()) == {("due", 0)}
            assert process.run("deliveries", "resume", "crm", cwd=tmp_path).stdout == "crm is resumed\n"
            crm.wait_for(lambda got: len(got) == 2, SEEN)


def test_replay_does_not_wait_for_a_probe(tmp_path: Path) -> None:
    """A delivery that an operator replays goes out now, though its target is paused by failures; it stays as old as
    it is.
    """
    well = threading.Event()
    with receiver.receiving(lambda _received: 204 if well.is_set() else 500) as crm:
        config = process.MINIMAL + CRM.format(url=crm.url) + "retry = []\n"
        with process.served(tmp_path, config) as service:
            for _ in range(5):
                _report(service)
            service.wait_for("delivery marked dead", 5)
            before = json.loads(process.run("deliveries", "list", "--json", cwd=tmp_path).stdout)
            _report(service, MessageUUID="probe")
            service.wait_for("target still paused", 2, 60)
            well.set()
            done = process.run("deliveries", "replay", str(before[0]["id"]), cwd=tmp_path)
            assert done.returncode == 0
            crm.wait_for(lambda got: sum(_uuid(one) == before[0]["message_uuid"] for one in got) == 2, SEEN)
        (after,) = json.loads(process.run("deliveries", "list", str(before[0]["id"]), "--json", cwd=tmp_path).stdout)
        assert (after["state"], after["created_at"]) == ("done", before[0]["created_at"])


def test_report_from_an_address_that_no_route_has_reaches_all_targets(tmp_path: Path) -> None:
    """A brand name, a number that was sold: without a default route such a report goes to every target that wants
    reports, and log and history say so.
    """
    shop = process.MINIMAL.replace('to = "*"', 'name = "shop"\nto = "+33644600000"\ntargets = "shop"')
    targets = '[targets.shop]\nurl = "{url}/shop"\n[targets.old]\nurl = "{url}/old"\nsend = "messages"\n'
    fussy = '[targets.fussy]\nurl = "{url}/fussy"\nstatuses = ["failed"]\n'
    with receiver.receiving() as crm:
        config = shop + (targets + fussy + '[targets.rest]\nurl = "{url}/rest"\n').replace("{url}", crm.url)
        with process.served(tmp_path, config) as service:
            brand = _report(service, From="MYBRAND", Status="delivered")
            _report(service, From="33644600000")
            got = crm.wait_for(lambda got: len(got) == 3)
            lines = service.wait_for("report stored", 2)
        told = process.run("history", brand, cwd=tmp_path)
    assert sorted(one.path for one in got if _uuid(one) == brand) == ["/rest", "/shop"]
    assert [(line.get("reason"), line["targets"]) for line in lines] == [
        ("no route: all targets", ["shop", "rest"]),
        (None, ["shop"]),
    ]
    assert f"delivered  {brand} to +33700000001, no route: all targets\n" in told.stdout


def test_earlier_status_after_a_later_one_is_stale(tmp_path: Path) -> None:
    """By Sequence, and without it by how far a message has come: sent after delivered."""
    with receiver.receiving() as crm, process.served(tmp_path, process.MINIMAL + CRM.format(url=crm.url)) as service:
        for sequences in (("3", "2"), ("", ""), ("3", "")):
            for status, sequence in zip(("delivered", "sent"), sequences, strict=True):
                _report(service, MessageUUID=f"of-{'-'.join(sequences)}", Status=status, Sequence=sequence)
                _settled(tmp_path)
    stale = [json.loads(one.body)["data"]["stale"] for one in crm.received]
    assert stale == [False, True] * 3


def _until(folder: Path, pattern: str, seconds: float = 60.0) -> str:
    """What `list` says, once it is like this."""
    deadline = time.monotonic() + seconds
    while not re.search(pattern, said := process.run("deliveries", "list", cwd=folder).stdout):
        assert time.monotonic() < deadline, said
        time.sleep(0.1)  # polling a process, not waiting for luck
    return said
