"""G7: a target gets only so much queue, and a full one is logged and counted."""

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
    """At its cap a target is full, and no other; what is dead at once does not wait; the log says it once, with what
    to do.
    """
    waits = backlog(CRM, AUDIT)
    for _ in range(3):
        assert not waits.is_full("crm", 0)
        waits.add(("crm", "audit"), ())
    assert (waits.is_full("crm", 0), waits.is_full("audit", 0)) == (True, False)
    for _ in range(2):
        waits.add(("crm", "audit"), {"crm"})
    assert (waits.waiting("crm"), waits.waiting("audit")) == (3, 5)
    (line,) = (json.loads(line) for line in log.getvalue().splitlines())
    assert (line["event"], line["target"], line["max_due"]) == ("target queue full", "crm", 3)
    assert "deliveries replay --target" in line["advice"]


def test_deliveries_of_one_commit_count_against_the_cap() -> None:
    """Two of a group may not both take the last place."""
    waits = backlog(CRM)
    waits.add(("crm",), ())
    assert [waits.is_full("crm", accepted) for accepted in (0, 1, 2)] == [False, False, True]


def test_what_is_done_makes_room(log: io.StringIO) -> None:
    """One that is done lets one more in; filled anew at once, that is not logged again."""
    waits = backlog(CRM)
    for _ in range(3):
        waits.add(("crm",), ())
    waits.add(("crm",), {"crm"})
    waits.remove(("crm",))
    assert not waits.is_full("crm", 0)
    waits.add(("crm",), ())
    assert waits.is_full("crm", 0)
    waits.add(("crm",), {"crm"})
    assert len(log.getvalue().splitlines()) == 1


async def test_store_is_right(log: io.StringIO) -> None:
    """A count of the store beats the estimate; once it has seen room, the next full queue is logged again."""
    counted = {"crm": 3}

    async def count() -> Mapping[str, int]:
        return counted

    waits = Backlog({"crm": CRM}, count)
    for waiting, full in ((3, True), (1, False), (5, True)):
        counted["crm"] = waiting
        await waits.recount()
        assert (waits.waiting("crm"), waits.is_full("crm", 0)) == (waiting, full)
        if full:
            waits.add(("crm",), {"crm"})
    assert len(log.getvalue().splitlines()) == 2


async def test_store_that_cannot_be_asked_changes_nothing() -> None:
    """The estimate stands until the store answers again."""

    async def count() -> Mapping[str, int]:
        raise Unavailable

    waits = Backlog({"crm": CRM}, count)
    waits.add(("crm",), ())
    await waits.recount()
    assert waits.waiting("crm") == 1


def test_each_delivery_that_a_cap_refuses_is_counted() -> None:
    """The counter of the full target goes up with each, though the log says it once; nobody else's does."""
    refused: list[str] = []
    waits = backlog(CRM, AUDIT, refused=refused.append)
    for _ in range(3):
        waits.add(("crm", "audit"), {"crm"})
    assert refused == ["crm", "crm", "crm"]
