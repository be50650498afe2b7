"""Taking a report in: durable before anybody says 200, then its targets are woken and their queues counted."""

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.stored import NINE, Clock, backlog, proof, report

from app import telemetry
from app.delivery.fan_out import Subscriptions, fan_out
from app.delivery.intake import Intake
from app.delivery.queue import Accepted, Delivery, IncomingReport, Settlement, Unavailable
from app.delivery.target import Target
from app.plivo.messages import Verified

CRM = Target("crm", "https://crm.example.com", max_due=2)
AUDIT = Target("audit", "https://audit.example.com", statuses=("failed",))
TARGETS = {"crm": CRM, "audit": AUDIT}
REQUEST = Verified("/report/message-1", (), (proof("k", "a"),), "Ma-V3")


@dataclass
class Queue:
    """A queue that knows a report already, or refuses it; and everything that was done, in order."""

    new: bool = True
    refusal: Exception | None = None
    done: list[object] = field(default_factory=list)

    async def accept(self, incoming: IncomingReport) -> Accepted:
        """Durable, or refused."""
        if self.refusal:
            raise self.refusal
        fan = fan_out(incoming.subscriptions, None, incoming.report)
        self.done.append((incoming.report.id, incoming.received_at, incoming.signed_by, incoming.proofs))
        return Accepted(self.new, fan, frozenset(name for name in fan.targets if incoming.is_full(name, 0)))

    async def lease(self, *_: object, longest_due: bool = False, last: int | None = None) -> Sequence[Delivery]:
        """Not asked here."""
        raise NotImplementedError(longest_due, last)

    async def settle(self, settlement: Settlement) -> None:
        """Not asked here."""
        raise NotImplementedError(settlement)


async def taken_in(
    queue: Queue, status: str = "failed", route: str | None = "support", waiting: int = 0
) -> dict[str, int]:
    """One report, while so many wait for crm; how many wait for each target afterwards."""
    waits = backlog(CRM, AUDIT)
    waits.add(("crm",) * waiting, ())
    subscriptions = Subscriptions(TARGETS, lambda _number: route, {"support": ("crm", "audit")})
    intake = Intake(queue, lambda: subscriptions, waits, queue.done.append, Clock())
    with contextlib.suppress(Unavailable):
        await intake.accept(report(status=status), REQUEST)
    return {name: waits.waiting(name) for name in TARGETS}


@pytest.mark.parametrize(("status", "targets"), [("failed", ("crm", "audit")), ("delivered", ("crm",))])
async def test_report_is_stored_then_its_targets_are_woken(status: str, targets: tuple[str, ...]) -> None:
    """G5: accepted first, with what signed it; then those who want it are woken, and no others."""
    queue = Queue()
    await taken_in(queue, status)
    assert queue.done == [("report-1", NINE, "Ma-V3", (proof("k", "a"),)), targets]


async def test_report_that_cannot_be_stored_wakes_nobody() -> None:
    """G5: not stored, not accepted."""
    queue = Queue(refusal=Unavailable("the store cannot write"))
    intake = Intake(queue, lambda: Subscriptions(TARGETS, lambda _: None, {}), backlog(), queue.done.append, Clock())
    with pytest.raises(Unavailable):
        await intake.accept(report(), REQUEST)
    assert queue.done == []


@pytest.mark.parametrize(
    ("queue", "waiting", "left"),
    [
        pytest.param(Queue(), 0, {"crm": 1, "audit": 1}, id="new"),
        pytest.param(Queue(new=False), 0, {"crm": 0, "audit": 0}, id="a repeat"),
        pytest.param(Queue(), 2, {"crm": 2, "audit": 1}, id="crm is full: dead there at once"),
        pytest.param(Queue(new=False), 2, {"crm": 2, "audit": 0}, id="a repeat for a full queue"),
        pytest.param(Queue(refusal=Unavailable("full")), 0, {"crm": 0, "audit": 0}, id="not stored"),
    ],
)
async def test_only_what_waits_is_counted(queue: Queue, waiting: int, left: dict[str, int]) -> None:
    """G7: neither a repeat nor what is dead at once, nor what was not stored, takes room in a queue."""
    assert await taken_in(queue, waiting=waiting) == left


@pytest.mark.parametrize(("route", "reason"), [("support", None), (None, "no route: all targets")])
async def test_log_tells_where_a_report_goes(route: str | None, reason: str | None) -> None:
    """One line a report; one without a route says that it went to everybody."""
    stream = io.StringIO()
    telemetry.configure("json", "info", "last4", stream)
    await taken_in(Queue(), route=route)
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (line["event"], line["report"], line["route"]) == ("report stored", "report-1", route)
    assert (line["targets"], line.get("reason")) == (["crm", "audit"], reason)
