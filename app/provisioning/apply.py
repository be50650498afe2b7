"""Make the changes of a plan at Plivo, one step after the other; numbers a few at a time.

What Plivo had is remembered before it is changed, so that a crash at any moment leaves nothing that cannot be undone. A
step that fails ends the rest. Running it again makes a plan from what Plivo has by then, and so finishes it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Generic, Protocol, TypeVar

from app.provisioning.client import PlivoApi, gather
from app.provisioning.errors import PlivoApiError
from app.provisioning.plan import CreateApplication, LinkNumber, Plan, Step, UpdateApplication
from app.provisioning.undo import (
    DeleteApplication,
    Former,
    FormerApplication,
    GiveBack,
    RestoreApplication,
    UndoPlan,
    UndoStep,
)
from app.provisioning.values import ANSWER_URL, HANGUP_URL

BATCH = 50  # numbers that are remembered, and then changed, together
_GONE = (400, 404)  # how Plivo refuses an application that it does not know

S = TypeVar("S")
Tell = Callable[[int, int], None]  # steps done, of how many


class Memory(Protocol):
    """Where it is kept what Plivo had. The methods raise as the store does."""

    async def remember_application(self, one: FormerApplication) -> None:
        """Keep this of an application, instead of what was kept of it."""
        ...

    async def remember_numbers(self, numbers: Mapping[str, str | None]) -> None:
        """Keep what these numbers were linked to, instead of what was kept of them."""
        ...

    async def forget(self, numbers: Sequence[str], applications: Sequence[str]) -> None:
        """Keep no more of these."""
        ...


@dataclass(frozen=True, slots=True)
class Progress(Generic[S]):
    """What was done. With an `error` the first step of `left` failed, or one of its batch."""

    done: tuple[S, ...]
    left: tuple[S, ...] = ()
    error: PlivoApiError | None = None
    lost: tuple[str, ...] = ()  # numbers that could not be given back


async def apply_plan(plan: Plan, former: Former, api: PlivoApi, memory: Memory, tell: Tell) -> Progress[Step]:
    """Make the steps of a plan without errors. `former` is what was remembered until now."""
    applying = _Applying(plan.app_id, former, api, memory)
    done: list[Step] = []
    try:
        for batch in _batches(plan.steps):
            if isinstance(batch[0], LinkNumber):
                await applying.link([step for step in batch if isinstance(step, LinkNumber)], done)
            else:
                await applying.change(batch[0])
                done.append(batch[0])
            tell(len(done), len(plan.steps))
    except PlivoApiError as error:
        return Progress(tuple(done), _without(plan.steps, done), error)
    return Progress(tuple(done))


@dataclass(slots=True)
class _Applying:
    """The steps of one run. `app_id` is known once the application is there."""

    app_id: str | None
    former: Former
    api: PlivoApi
    memory: Memory

    async def change(self, step: Step) -> None:
        """Create or update the application."""
        if isinstance(step, CreateApplication):
            await self.memory.remember_application(FormerApplication(step.name, None, None))
            self.app_id = await self.api.create(step.name, step.fields)
            await self.memory.remember_application(FormerApplication(step.name, self.app_id, None))
        elif isinstance(step, UpdateApplication):
            if remembered := _remembered(step, self.former):
                await self.memory.remember_application(remembered)
            await self.api.update(step.app_id, step.name, step.fields)

    async def link(self, steps: Sequence[LinkNumber], done: list[Step]) -> None:
        """Link numbers to the application."""
        ours = {one.app_id for one in self.former.applications}
        await self.memory.remember_numbers(
            {step.number: step.former for step in steps if step.former not in ours - {None}}
        )

        async def link(step: LinkNumber) -> None:
            await self.api.link(step.number, self.app_id)
            done.append(step)

        await gather(steps, link)


def _remembered(step: UpdateApplication, former: Former) -> FormerApplication | None:
    """What to remember before an update: the values that the changed fields had first. None if we created it."""
    known = next((one for one in former.applications if one.name == step.name), None)
    if known and known.app_id not in (None, step.app_id):
        known = None  # another one, which had this name before
    if known and known.fields is None:
        return None
    before = known.fields if known and known.fields else {}
    old = {one.name: one.old for one in step.changes}
    if ANSWER_URL in old:  # without a hangup_url of its own, an application shows the answer_url there
        old.setdefault(HANGUP_URL, step.fields.get(HANGUP_URL))
    return FormerApplication(step.name, step.app_id, {**old, **before})


async def apply_undo(plan: UndoPlan, api: PlivoApi, memory: Memory, tell: Tell) -> Progress[UndoStep]:
    """Make the steps of an undo plan, and forget what was remembered for them."""
    done: list[UndoStep] = []
    lost = list(plan.lost)
    await memory.forget(plan.settled_numbers, plan.settled_applications)
    try:
        for batch in _batches(plan.steps):
            if isinstance(batch[0], GiveBack):
                await _give_back([step for step in batch if isinstance(step, GiveBack)], api, memory, done, lost)
            else:
                await _restore(batch[0], api)
                await memory.forget((), (batch[0].name,))
                done.append(batch[0])
            tell(len(done), len(plan.steps))
    except PlivoApiError as error:
        return Progress(tuple(done), _without(plan.steps, done), error, tuple(lost))
    return Progress(tuple(done), lost=tuple(lost))


async def _give_back(
    steps: Sequence[GiveBack], api: PlivoApi, memory: Memory, done: list[UndoStep], lost: list[str]
) -> None:
    given: list[str] = []

    async def give_back(step: GiveBack) -> None:
        try:
            await api.link(step.number, step.to)
        except PlivoApiError as error:
            if step.to_name or error.status not in _GONE:
                raise
            lost.append(step.number)
            await api.link(step.number, None)
        given.append(step.number)
        done.append(step)

    try:
        await gather(steps, give_back)
    finally:
        await memory.forget(given, ())


async def _restore(step: UndoStep, api: PlivoApi) -> None:
    if isinstance(step, DeleteApplication):
        await api.delete(step.app_id, step.name)
    elif isinstance(step, RestoreApplication):
        await api.update(step.app_id, step.name, step.fields)


def _batches(steps: Sequence[S]) -> Iterator[list[S]]:
    """The steps in order: each of an application alone, those of numbers `BATCH` at a time."""
    for is_number, group in groupby(steps, lambda step: isinstance(step, LinkNumber | GiveBack)):
        while batch := list(islice(group, BATCH if is_number else 1)):
            yield batch


def _without(steps: Sequence[S], done: Sequence[S]) -> tuple[S, ...]:
    finished = {id(step) for step in done}
    return tuple(step for step in steps if id(step) not in finished)
