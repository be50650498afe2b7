"""G6 and G7 on every walk that hypothesis can think of: put, lease, settle, wait, crash, reopen.

The model is a dict: what each delivery must be. The store has to say the same at every step.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from support import machine
from support.stored import incoming

from app.delivery.queue import Delivery, Settlement

LEASE = 30.0
NUMBERS = st.integers(0, 5)


@dataclass
class Expected:
    """What the model knows of one delivery."""

    state: Literal["due", "done", "dead"]
    due_at: float
    sequence: int
    born: int  # the order of the rows
    attempts: int = 0
    lease: str | None = None


class Deliveries(machine.StoreMachine):
    """One target, one store, one clock."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, Expected] = {}
        self.held: list[Delivery] = []  # every lease that was ever given, the lost ones too

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=4))
    def put(self, numbers: list[int]) -> None:
        """Reports in one group, among them repeats."""

        async def put_all() -> None:
            await asyncio.gather(*(self.store.queue.accept(incoming(one, sequence=one % 3)) for one in numbers))

        self.runner.run(put_all())
        for one in numbers:
            self.model.setdefault(f"report-{one}", Expected("due", self.clock.now, one % 3, len(self.model)))

    @rule(count=st.integers(1, 4), longest_due=st.booleans())
    def lease(self, count: int, longest_due: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Exactly those that are due and free: none lost, none twice, none that is done; lowest Sequence first."""
        due = {name: one for name, one in self.model.items() if one.state == "due" and one.due_at <= self.clock.now}
        first = sorted(due, key=lambda name: (due[name].due_at if longest_due else due[name].sequence, due[name].born))
        order = sorted(first[:count], key=lambda name: (due[name].sequence, due[name].born))
        got = self.runner.run(self._lease(count, longest_due=longest_due))
        assert [delivery.content.id for delivery in got] == order
        for delivery in got:
            expected = self.model[delivery.content.id]
            expected.attempts += 1
            assert delivery.attempt == expected.attempts
            expected.due_at, expected.lease = self.clock.now + LEASE, delivery.lease
            self.held.append(delivery)

    async def _lease(self, count: int, *, longest_due: bool) -> list[Delivery]:
        return list(await self.store.queue.lease("crm", count, LEASE, longest_due=longest_due))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), state=st.sampled_from(("done", "due", "dead")), delay=st.sampled_from((0.0, 5.0, 60.0)))
    def settle(self, data: st.DataObject, state: Literal["done", "due", "dead"], delay: float) -> None:
        """An outcome for any lease that was ever given; only the newest one of a delivery counts."""
        delivery = data.draw(st.sampled_from(self.held))
        settlement = Settlement(delivery.id, delivery.lease, state, delivery.attempt, delay)
        self.runner.run(self.store.queue.settle(settlement))
        expected = self.model[delivery.content.id]
        if expected.lease == delivery.lease:
            expected.state, expected.due_at, expected.lease = state, self.clock.now + delay, None

    @rule(seconds=st.sampled_from((1.0, 5.0, LEASE, 61.0)))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.advance(seconds)

    @rule(numbers=st.lists(NUMBERS, max_size=2))
    def crash(self, numbers: list[int]) -> None:
        """The file as it is on disk at this moment, opened anew: what was told as stored is there."""
        if numbers:
            self.put(numbers)
        self.kill()

    @rule()
    def reopen(self) -> None:
        """A clean stop and start; leases stand in the file."""
        self.close()
        self.open()

    async def check(self) -> None:
        """No report is lost: in the end every one is done, dead, or comes again."""
        self.clock.advance(1000.0)
        left = await self._lease(100, longest_due=False)
        waiting = [name for name, one in self.model.items() if one.state == "due"]
        assert sorted(delivery.content.id for delivery in left) == sorted(waiting)


def test_deliveries_keep_their_guarantees(tmp_path: Path) -> None:
    """No report is lost; none is leased twice while its lease holds; what is done is never leased again."""
    machine.walk(Deliveries, tmp_path, examples=15, steps=25)
