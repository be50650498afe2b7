"""G7: a target gets only so much queue, and is told of loudly when that is full."""

import io
import json
from collections.abc import Mapping

import pytest
from support.stored import backlog

from app import telemetry
from app.delivery.backlog import Backlog
from app.delivery.queue import Unavailable
from app.delivery.target import Target

CRM, AUDIT = Target("crm", "https://crm.example.com", max_due=3), Target("audit", "https://audit.example.com")


@pytest.fixture
def log() -> io.StringIO:
    """Where the log goes."""
    stream = io.StringIO()
    telemetry.configure("json", "info", "last4", stream)
    return stream


def test_cap_is_a_targets_own(log: io.StringIO) -> None:
    """At its cap a target is full, and no other; it is told once, with what to do."""
    waits = backlog(CRM, AUDIT)
    for _ in range(3):
        assert waits.admit(("crm", "audit")) == frozenset()
    assert waits.admit(("crm", "audit")) == waits.admit(("crm",)) == {"crm"}
    assert (waits.waiting("crm"), waits.waiting("audit")) == (3, 4)  # what is dead at once does not wait
    (line,) = (json.loads(line) for line in log.getvalue().splitlines())
    assert (line["event"], line["target"], line["max_due"]) == ("the queue of a target is full", "crm", 3)
    assert "deliveries replay --target" in line["advice"]


def test_what_is_done_makes_room(log: io.StringIO) -> None:
    """One that is done lets one more in; filled anew at once, that is not told again."""
    waits = backlog(CRM)
    for _ in range(3):
        waits.admit(("crm",))
    assert waits.admit(("crm",)) == {"crm"}
    waits.remove(("crm",))
    assert waits.admit(("crm",)) == frozenset()
    assert waits.admit(("crm",)) == {"crm"}
    assert len(log.getvalue().splitlines()) == 1


async def test_store_is_right(log: io.StringIO) -> None:
    """A count of the store beats the estimate; room seen by it, the next time is told again."""
    counted = {"crm": 3}

    async def count() -> Mapping[str, int]:
        return counted

    waits = Backlog({"crm": CRM}, count)
    await waits.recount()
    assert waits.waiting("crm") == 3
    assert waits.admit(("crm",)) == {"crm"}
    counted["crm"] = 1
    await waits.recount()
    assert waits.waiting("crm") == 1
    assert not waits.admit(("crm",))
    counted["crm"] = 5
    await waits.recount()
    assert waits.admit(("crm",)) == {"crm"}
    assert len(log.getvalue().splitlines()) == 2


async def test_store_that_cannot_be_asked_changes_nothing() -> None:
    """The estimate stands until the store answers again."""

    async def count() -> Mapping[str, int]:
        raise Unavailable

    waits = Backlog({"crm": CRM}, count)
    waits.admit(("crm",))
    await waits.recount()
    assert waits.waiting("crm") == 1
