"""`deliveries`: what waits and what died, and the operator's four verbs, beside a running server."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support import plivo_sdk, process, receiver, wire
from support.command import Shell

CONFIG = """
[[routes]]
to = "*"
text = "Thanks, we got your message."
targets = []
[[routes]]
name = "crm"
to = "+33644600001"
text = "Thanks."
targets = "crm"
[[routes]]
name = "frail"
to = "+33644600002"
text = "Thanks."
targets = "frail"
[targets.crm]
url = "{url}/crm"
[targets.frail]
url = "{url}/frail"
retry = []
"""
OF = {"crm": "33644600001", "frail": "33644600002"}
SAID = b"no such contact\n\x1b[2J"
SEEN_WITHIN = 1.0  # seconds
MACHINE = 1.5  # seconds more for a busy machine


class House:
    """A service, its targets, and whether /frail works just now."""

    def __init__(self, service: process.Served, targets: receiver.Receiver, broken: list[bool]) -> None:
        self.service = service
        self.targets = targets
        self.broken = broken

    def report(self, target: str) -> str:
        """A report for this target; its MessageUUID."""
        params = plivo_sdk.report(From=OF[target])
        assert wire.tell(self.service, params, "/report")[0] == 200
        return dict(params)["MessageUUID"]

    def posts(self, message_uuid: str) -> int:
        """How often it was posted so far."""
        return sum(f'"{message_uuid}"'.encode() in one.body for one in self.targets.received)

    def wait(self, message_uuid: str, posts: int, seconds: float = 10.0) -> None:
        """Until it has been posted so often."""
        self.targets.wait_for(lambda _received: self.posts(message_uuid) >= posts, seconds)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all."""
    broken = [False]
    with (
        receiver.receiving(
            lambda received: (500, {}, SAID) if received.path == "/frail" and broken[0] else 204
        ) as targets,
        process.served(tmp_path_factory.mktemp("deliveries"), process.HEAD + CONFIG.format(url=targets.url)) as service,
    ):
        yield House(service, targets, broken)


@pytest.fixture
def shell(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Beside it."""
    return Shell(house.service.folder, monkeypatch, capsys)


def _listed(shell: Shell, message_uuid: str) -> dict[str, Any]:
    """The one delivery of a message."""
    done = shell("deliveries", "list", "--json")
    assert (done.code, done.err) == (0, "")
    (row,) = [row for row in json.loads(done.out) if row["message_uuid"] == message_uuid]
    return dict(row)


def _until(shell: Shell, message_uuid: str, state: str) -> dict[str, Any]:
    """The delivery, once it has this state."""
    deadline = time.monotonic() + 10
    while (row := _listed(shell, message_uuid))["state"] != state:
        assert time.monotonic() < deadline, row
        time.sleep(0.02)  # polling a process, not waiting for luck
    return row


def _die(house: House, shell: Shell) -> tuple[str, dict[str, Any]]:
    """A report that its target refuses, with no try left; the target works again afterwards."""
    house.broken[0] = True
    message_uuid = house.report("frail")
    row = _until(shell, message_uuid, "dead")
    house.broken[0] = False
    return message_uuid, row


def test_list_shows_what_became_of_each(house: House, shell: Shell) -> None:
    """Each delivery has its state, tries and last outcome, and can be asked for by target and state."""
    message_uuid = house.report("crm")
    row = _until(shell, message_uuid, "done")
    assert (row["target"], row["attempts"], row["status"], row["error"]) == ("crm", 1, 204, None)
    assert row["settled_at"].endswith("Z")
    rows = json.loads(shell("deliveries", "list", "--target", "crm", "--state", "done", "--json").out)
    assert message_uuid in [row["message_uuid"] for row in rows]
    assert json.loads(shell("deliveries", "list", "--target", "frail", "--state", "due", "--json").out) == []
    assert len(json.loads(shell("deliveries", "list", "--limit", "1", "--json").out)) == 1


def test_what_a_person_reads(house: House, shell: Shell) -> None:
    """A table with a header: each delivery with the number that it is about, when it came, and who holds it back."""
    message_uuid = house.report("crm")
    row = _until(shell, message_uuid, "done")
    done = shell("deliveries", "list", str(row["id"]), "--tz", "Asia/Tokyo")
    header, line, _ = done.out.splitlines()
    assert header.split("  ")[0] == "ID"
    cells = re.split("  +", line)
    assert cells[:3] == [str(row["id"]), "crm", "done"]
    assert cells[3].endswith("+09:00")
    assert cells[4:] == ["+33700000001", "delivered", message_uuid, "1", "status 204", "-", "-"]
    assert done.err == "1 delivery\n"
    shell("deliveries", "pause", "crm")
    message_uuid = house.report("crm")
    held = shell("deliveries", "list", "--target", "crm", "--state", "due").out.splitlines()
    assert held[0].startswith("crm: paused by an operator since ")
    assert re.split("  +", held[2])[-1] == "operator"
    shell("deliveries", "resume", "crm")
    _until(shell, message_uuid, "done")


def test_a_paused_target_gets_nothing_until_it_is_resumed(house: House, shell: Shell) -> None:
    """`pause` holds a target back at once, `resume` is seen within 1 s, and what waited has used up no try."""
    done = shell("deliveries", "pause", "crm")
    assert (done.code, done.out) == (0, "crm is paused\n")
    assert shell("deliveries", "pause", "crm").out == "crm was paused already\n"
    held = house.report("crm")
    other = house.report("frail")  # another target goes on meanwhile
    house.wait(other, 1)
    row = _listed(shell, held)
    assert (row["state"], row["attempts"], house.posts(held)) == ("due", 0, 0)
    assert shell("deliveries", "resume", "crm").out == "crm is resumed\n"
    house.wait(held, 1, SEEN_WITHIN + MACHINE)
    assert _until(shell, held, "done")["attempts"] == 1
    assert shell("deliveries", "resume", "crm").out == "crm was not paused\n"


def test_a_dead_delivery_is_replayed(house: House, shell: Shell) -> None:
    """A delivery without a try left is dead and listed; `replay` by id, or by target, is seen within 1 s."""
    for arguments in ((), ("--target", "frail")):
        message_uuid, row = _die(house, shell)
        assert (row["attempts"], row["status"], row["error"]) == (1, 500, "status 500")
        done = shell("deliveries", "replay", *(arguments or (str(row["id"]),)))
        assert (done.code, done.out) == (0, "1 delivery is due again\n")
        house.wait(message_uuid, 2, SEEN_WITHIN + MACHINE)
        assert _until(shell, message_uuid, "done")["attempts"] == 1
    ids = {one.headers["webhook-id"] for one in house.targets.received if message_uuid.encode() in one.body}
    assert len(ids) == 1


def test_drop_asks_first(house: House, shell: Shell) -> None:
    """It says what would be dropped; where nobody can be asked it drops nothing: exit 2. `--dry-run` only says it."""
    _, row = _die(house, shell)
    would = "this would drop 1 delivery for good: 1 dead of frail"
    for which in ((str(row["id"]),), ("--target", "frail")):
        done = shell("deliveries", "drop", *which)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"plivo-autoreply: {would}; nobody can be asked here, so say --yes, or --dry-run\n"
        done = shell("deliveries", "drop", *which, "--dry-run")
        assert (done.code, done.out, done.err) == (0, f"{would}\n", "")
    assert shell("deliveries", "list", str(row["id"])).out.splitlines()[1].split()[2] == "dead"
    shell("deliveries", "drop", str(row["id"]), "--yes")


def test_a_dropped_delivery_is_never_tried_again(house: House, shell: Shell) -> None:
    """`drop` keeps a delivery listed; what came after it goes out, it does not."""
    shell("deliveries", "pause", "crm")
    dropped, kept = house.report("crm"), house.report("crm")
    done = shell("deliveries", "drop", str(_listed(shell, dropped)["id"]), "--yes")
    assert (done.code, done.out) == (0, "1 delivery is dropped\n")
    shell("deliveries", "resume", "crm")
    house.wait(kept, 1, SEEN_WITHIN + MACHINE)
    assert (_listed(shell, dropped)["state"], house.posts(dropped)) == ("dropped", 0)
    dead, _ = _die(house, shell)
    assert shell("deliveries", "drop", "--target", "frail", "--yes").out == "1 delivery is dropped\n"
    assert _listed(shell, dead)["state"] == "dropped"


def test_what_each_try_brought(house: House, shell: Shell) -> None:
    """With an id, `list` tells each try: when, how long it took, what the receiver answered; JSON always does."""
    message_uuid, row = _die(house, shell)
    line = shell("deliveries", "list", str(row["id"]), "--tz", "UTC").out.splitlines()[-1]
    (one,) = row["tries"]
    assert (one["status"], one["error"], one["seconds"] < 5) == (500, "status 500", True)
    assert one["response"] == SAID.decode()
    tried = f"{row['id']}: {one['at'].replace('Z', '+00:00')}  status 500, after {one['seconds']:g} s"
    assert line == rf"{tried}: 'no such contact\n\x1b[2J'"
    assert message_uuid in shell("deliveries", "list", "--status", "delivered", "--newer-than", "1h").out
    assert shell("deliveries", "list", "--older-than", "1h").out == ""


def test_a_day_of_dead_ones_does_not_flood(house: House, shell: Shell) -> None:
    """`replay --rate` spreads them: the second of two is due a while after the first."""
    shell("deliveries", "drop", "--target", "frail", "--yes")
    dead = [_die(house, shell)[1]["id"] for _ in range(2)]
    done = shell("deliveries", "replay", "--target", "frail", "--newer-than", "1d", "--rate", "0.02")
    assert done.out == "2 deliveries are due again\nthe last one is due in 2 min\n"
    rows = {row["id"]: row for row in json.loads(shell("deliveries", "list", *map(str, dead), "--json").out)}
    assert rows[dead[1]]["state"] == "due"
    shell("deliveries", "drop", str(dead[1]), "--yes")


def test_each_change_leaves_a_row(house: House, shell: Shell) -> None:
    """Who changed state, when and what is on record."""
    shell("deliveries", "pause", "frail")
    shell("deliveries", "resume", "frail")
    with closing(sqlite3.connect(house.service.folder / "autoreply.db")) as store:
        rows = store.execute("SELECT at, who, what FROM actions ORDER BY id DESC LIMIT 2").fetchall()
    assert [what for _, _, what in rows] == ["resume frail", "pause frail"]
    assert all(who and abs(at - time.time()) < 60 for at, who, _ in rows)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pause", "cmr"), 2, 'no target is called "cmr"; did you mean "crm"?'),
        (("resume", "x"), 2, 'no target is called "x"; '),
        (("list", "--target", "x"), 2, 'no target is called "x"; '),
        (("list", "--target", "x", "--json"), 2, 'no target is called "x"; '),
        (("replay",), 2, "give ids, or a target"),
        (("drop", "1", "--target", "crm"), 2, "give ids, or a target"),
        (("replay", "987654"), 1, "no delivery has the id 987654"),
        (("drop", "987654", "987655"), 1, "no delivery has the id 987654, 987655"),
        (("list", "987654", "--json"), 1, "no delivery has the id 987654"),
    ],
)
def test_mistakes(shell: Shell, arguments: tuple[str, ...], code: int, said: str) -> None:
    """What cannot be done is told in one sentence: exit 2 for a wrong call, 1 for what is not there."""
    done = shell("deliveries", *arguments)
    assert done.code == code
    assert done.err.startswith(f"plivo-autoreply: {said}")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--state", "lost"),
        ("list", "--older-than", "soon"),
        ("list", "--older-than", "2h", "--newer-than", "1h"),
        ("replay", "x"),
        ("pause",),
        ("list", "--limit", "0"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Wrong usage: exit 2, and how to use it."""
    done = shell("deliveries", *arguments)
    assert (done.code, done.err.splitlines()[0].split("[")[0]) == (
        2,
        f"Usage: plivo-autoreply deliveries {arguments[0]} ",
    )
