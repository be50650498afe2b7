"""A report at the door: on disk before anybody says 200, for whoever wants it."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.stored import NINE, Clock, backlog, proof, report

from app.delivery.intake import Intake
from app.delivery.queue import Delivery, Settlement, StoredReport, Unavailable
from app.delivery.target import Target
from app.plivo.messages import DeliveryReport, Verified


@dataclass(frozen=True)
class Owner:
    """Whose message it was."""

    route: str | None = "support"
    rule: str | None = "ack"
    targets: tuple[str, ...] | None = ("crm", "audit")


@dataclass
class Door:
    """An intake, with all that it does to others in the order in which it does it."""

    owner: Owner = field(default_factory=Owner)
    refusal: Exception | None = None
    cap: int = 10
    waiting: tuple[str, ...] = ()
    fresh: bool = True
    left: dict[str, int] = field(default_factory=dict)
    done: list[object] = field(default_factory=list)

    async def put(self, parcel: StoredReport) -> bool:
        """Durable, or refused."""
        if self.refusal:
            raise self.refusal
        self.done.append(parcel)
        return self.fresh

    async def lease(self, *_: object, longest_due: bool = False, last: int | None = None) -> Sequence[Delivery]:
        """Not asked here."""
        raise NotImplementedError(longest_due, last)

    async def settle(self, settlement: Settlement) -> None:
        """Not asked here."""
        raise NotImplementedError(settlement)

    async def _own(self, report: DeliveryReport) -> Owner:
        self.done.append(report.id)
        return self.owner

    async def accept(self, report: DeliveryReport, request: Verified) -> None:
        """One report."""
        targets = {
            "crm": Target("crm", "https://crm.example.com", max_due=self.cap),
            "audit": Target("audit", "https://audit.example.com", statuses=frozenset({"failed"})),
        }
        waits = backlog(*targets.values())
        for name in self.waiting:
            waits.admit((name,))
        try:
            await Intake(self, targets, waits, self._own, self.done.append, Clock()).accept(report, request)
        finally:
            self.left = {name: waits.waiting(name) for name in targets}


REQUEST = Verified("/report/message-1", (), (proof("k", "a"),), "Ma-V3")


@pytest.mark.parametrize(("status", "targets"), [("failed", ("crm", "audit")), ("delivered", ("crm",))])
async def test_report_is_stored_then_its_targets_are_woken(status: str, targets: tuple[str, ...]) -> None:
    """G5: put first; then the lanes of those who want it are told, and no others."""
    door = Door()
    one = report(status=status)
    await door.accept(one, REQUEST)
    stored = StoredReport(one, NINE, "support", "ack", targets, "Ma-V3", (proof("k", "a"),))
    assert door.done == ["report-1", stored, targets]


async def test_report_that_nobody_wants_is_stored() -> None:
    """A signed report is never refused for its content's sake."""
    door = Door(Owner(None, None, ()))
    await door.accept(report(status="a new one"), REQUEST)
    assert door.done == [
        "report-1",
        StoredReport(report(status="a new one"), NINE, None, None, (), "Ma-V3", REQUEST.proofs),
        (),
    ]


@pytest.mark.parametrize(("status", "targets"), [("failed", ("crm", "audit")), ("delivered", ("crm",))])
async def test_report_without_a_route_goes_to_all_who_want_it(status: str, targets: tuple[str, ...]) -> None:
    """Each target's own `send` and `statuses` still say what it wants."""
    door = Door(Owner(None, None, None))
    await door.accept(report(status=status), REQUEST)
    assert door.done[-1] == targets


async def test_store_that_cannot_write_is_told() -> None:
    """G5: not stored, not accepted, nobody woken."""
    door = Door(refusal=Unavailable("the store cannot write"))
    with pytest.raises(Unavailable):
        await door.accept(report(), REQUEST)
    assert door.done == ["report-1"]


async def test_report_for_a_full_target_is_stored_all_the_same() -> None:
    """G7: past its cap a target's report is put as dead for it; the other target gets it as ever."""
    door = Door(cap=2, waiting=("crm", "crm"))
    await door.accept(report(status="failed"), REQUEST)
    (parcel,) = (one for one in door.done if isinstance(one, StoredReport))
    assert parcel.targets == ("crm", "audit")
    assert parcel.full == {"crm"}


@pytest.mark.parametrize(
    ("door", "left"),
    [
        (Door(), {"crm": 1, "audit": 1}),
        (Door(fresh=False), {"crm": 0, "audit": 0}),
        (Door(cap=2, waiting=("crm", "crm")), {"crm": 2, "audit": 1}),
        (Door(cap=2, waiting=("crm", "crm"), fresh=False), {"crm": 2, "audit": 0}),
        (Door(refusal=Unavailable("the store cannot write")), {"crm": 0, "audit": 0}),
    ],
)
async def test_only_what_waits_is_counted(door: Door, left: dict[str, int]) -> None:
    """G7: neither a repeat nor what is dead at once, nor what was not stored, takes room in a queue."""
    with contextlib.suppress(Unavailable):
        await door.accept(report(status="failed"), REQUEST)
    assert door.left == left
