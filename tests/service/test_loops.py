"""G8 from outside: two machines that answer each other fall silent, and the bill has an end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import process, wire

CONFIG = """
[[routes]]
name = "same"
to = "+{0}1"
text = "I am not here."
limits = {{ same_text = "2/1h" }}
[[routes]]
name = "person"
to = "+{0}2"
text = "{{text}} more"
limits = {{ per_sender = "3/1h" }}
[[routes]]
name = "total"
to = "+{0}3"
text = "{{text}} more"
limits = {{ total = "4/1d" }}
[[routes]]
name = "minute"
to = "+{0}4"
text = "{{text}} more"
limits = {{ total = "5/1m" }}
[[routes]]
name = "shipped"
to = "+{0}5"
text = "I am not here."
"""
HERE, THERE = "3364460000", "3364460001"
REACHED = ("rate limit reached", "spending cap reached")
Pair = tuple[process.Served, process.Served]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two of our own, at two customers who do not know of each other."""
    with (
        process.served(tmp_path_factory.mktemp("here"), process.HEAD + CONFIG.format(HERE)) as here,
        process.served(tmp_path_factory.mktemp("there"), process.HEAD + CONFIG.format(THERE)) as there,
    ):
        yield here, there


def converse(machines: Pair, last: str) -> int:
    """Plivo carries each answer to the other one, until one is silent; how many answers there were."""
    numbers = [f"{HERE}{last}", f"{THERE}{last}"]
    text: str | None = "hello"
    for answers in range(50):
        turn = answers % 2
        sent = wire.message(From=numbers[1 - turn], To=numbers[turn], Text=text or "")
        text = wire.answered(machines[turn], sent)
        if text is None:
            return answers
    raise AssertionError("they still talk")


@pytest.mark.parametrize(
    ("last", "answers", "limit"),
    [
        pytest.param("1", 5, "same_text 2/1h", id="the same text"),  # "hello", then twice each the same words
        pytest.param("2", 6, "per_sender 3/1h", id="texts that grow"),
        pytest.param("3", 8, "total 4/1d of route total", id="a spending cap"),
        pytest.param("4", 10, "total 5/1m of route minute", id="a spending cap of a minute"),
        pytest.param("5", 9, "same_text 4/1h", id="as shipped"),
    ],
)
def test_two_machines_fall_silent(machines: Pair, last: str, answers: int, limit: str) -> None:
    """Each limit ends their talk after as many answers as it says, and the log names it, once."""
    assert converse(machines, last) == answers
    for machine in machines:
        params = wire.message()
        assert wire.tell(machine, params)[0] == 200
        machine.wait_for("answered", message_uuid=dict(params)["MessageUUID"])  # and so the lines before it
    told = {line["reason"] for one in machines for line in one.lines() if line["event"] in REACHED}
    assert f"limit: {limit}" in told


def answered(service: process.Served, last: str, sender: str) -> bool:
    """Whether a new message of this sender is answered."""
    return wire.answered(service, wire.message(From=sender, To=f"{HERE}{last}")) is not None


def test_used_up_cap_is_one_line_for_all_senders(tmp_path: Path) -> None:
    """A cap that is spent concerns everybody who writes: the log has one line a minute, not one a message."""
    with process.served(tmp_path, process.HEAD + CONFIG.format(HERE) + '[limits]\ntotal = "3/1d"\n') as service:
        assert [answered(service, last, wire.sender()) for last in "11122244455"] == [True] * 3 + [False] * 8
        service.wait_for("answered", count=11)
        (line,) = [line for line in service.lines() if line["event"] == "spending cap reached"]
    assert (line["level"], line["reason"]) == ("warning", "limit: total 3/1d")


def command(folder: Path, *arguments: str) -> Any:
    """A command beside the server; its JSON."""
    done = process.run(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def test_limits_survive_a_restart_and_are_reset_beside_the_server(tmp_path: Path) -> None:
    """What was counted is counted after kill -9; `limits list` shows it; after `limits reset` the count is new."""
    one, other = wire.sender(), wire.sender()
    with process.served(tmp_path, process.HEAD + CONFIG.format(HERE)) as service:
        assert [answered(service, "2", one) for _ in range(4)] == [True, True, True, False]
        assert [answered(service, "3", wire.sender()) for _ in range(5)] == [True] * 4 + [False]
        service.kill()
    with process.served(tmp_path, process.HEAD + CONFIG.format(HERE)) as service:
        assert not answered(service, "2", one)
        assert not answered(service, "3", other)
        assert answered(service, "2", other)
        listed = command(tmp_path, "limits", "list", "--json")
        assert {cap["scope"]: (cap["spent"], cap["limit"]) for cap in listed["spending"]} == {
            "": (8, "5000/1d"),
            "route total": (4, "4/1d"),
            "route minute": (0, "5/1m"),
        }
        assert (listed["people"][0]["person"], listed["people"][0]["replies"]) == (f"+{one}", 3)
        assert command(tmp_path, "limits", "reset", f"+{one}", "--yes") == "3 rows forgotten\n"
        assert [answered(service, "2", one) for _ in range(4)] == [True, True, True, False]
        assert not answered(service, "3", other)
        command(tmp_path, "limits", "reset", "--total", "--yes")
        assert answered(service, "3", other)
        assert not answered(service, "2", one)  # against a person it still counts
