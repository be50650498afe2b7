"""G3 on every walk that hypothesis can think of: copies, claims, slow rules, crashes between any two steps.

The model is plain dicts: who holds what, what was answered, what was paid. A webhook counts its calls.
"""

import asyncio
import itertools
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.stored import US, Clock, opened, opted, used

from app.policies.ledger import Answered, Case, Claimed, Held, Memory, OptOutChange, Pair, Recall, Ruling, Wish
from app.store import Store
from app.store.schema import claims, cooldowns, messages, opt_outs, replies, spending

SECONDS = 60.0  # of a claim
CALLS = 4
LIMIT = 2  # replies to one person in a day
COOLDOWN = 3600.0
SILENCE = b"<Response/>"
PEOPLE = ("33700000001", "33700000002")
NUMBERS = st.integers(0, 5)  # messages; number % 2 is who wrote it
STOPS = (4,)  # this message says STOP


@dataclass
class Walk:
    """A message that some process has claimed."""

    number: int
    owner: str
    at: float
    asked: bool = False
    said: bytes | None = None  # what the webhook said; None: it failed


@dataclass
class Model:
    """What must be."""

    until: dict[int, float] = field(default_factory=dict)  # of claims
    failures: Counter[int] = field(default_factory=Counter)
    answers: dict[int, bytes] = field(default_factory=dict)
    paid: dict[int, tuple[str, float]] = field(default_factory=dict)  # message -> who, when
    cooling: dict[str, float] = field(default_factory=dict)
    out: dict[str, int] = field(default_factory=dict)  # who -> by which message
    out_at: dict[str, float] = field(default_factory=dict)
    at: dict[int, float] = field(default_factory=dict)  # when a message came that was answered
    freed: Counter[int] = field(default_factory=Counter)  # claims that ended without an answer


def person_of(number: int) -> str:
    """Who wrote it."""
    return PEOPLE[number % 2]


class Messages(RuleBasedStateMachine):
    """Two people, six messages, one store, one clock, any number of processes one after another."""

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.empty.parent))
        self.clock = Clock()
        self.model = Model()
        self.calls: Counter[int] = Counter()  # of the webhook
        self.walks: list[Walk] = []  # also those whose claim has run out: nobody tells them
        self.replicas = itertools.count()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.store: Store

    @initialize()
    def begin(self) -> None:
        """An empty store."""
        shutil.copy(self.empty, self.folder / "autoreply.db")
        self._open()

    def _open(self) -> None:
        """As a sole server starts: whatever a former process held is free."""
        self.stack = AsyncExitStack()
        self.store = self.runner.run(self.stack.enter_async_context(opened(self.folder / "autoreply.db", self.clock)))
        self.runner.run(self.store.ledger.release(""))
        for number in self._held():
            self._free(number)
        self.walks = []

    def _held(self) -> list[int]:
        return [number for number, until in self.model.until.items() if until > self.clock.now]

    def _free(self, number: int) -> None:
        del self.model.until[number]
        self.model.freed[number] += 1

    @rule(
        number=NUMBERS,
        copies=st.integers(1, 3),
        fails=st.sampled_from((0, 0, 1, CALLS)),
        stops_at=st.sampled_from(("end", "end", "claim", "webhook")),
    )
    def call(self, number: int, copies: int, fails: int, stops_at: str) -> None:
        """Plivo calls, again as long as the rule fails; the last call goes as far as `stops_at` for now."""
        for failing in [True] * fails + [False] * (fails < CALLS):
            walk = self._arrive(number, copies)
            if walk is None:
                return
            if failing or stops_at != "claim":
                self._ask(walk, fails=failing)
            if failing or stops_at == "end":
                self._settle(walk)

    def _arrive(self, number: int, copies: int) -> Walk | None:
        """Copies of one message at once: all hear the answer, or one claims it and the rest wait."""
        recall = Recall(self.clock.now, Pair(US, person_of(number)))
        owners = [f"replica-{next(self.replicas)}" for _ in range(copies)]
        wishes = [Wish(f"message-{number}", owner, SECONDS, recall) for owner in owners]
        got = self.runner.run(self._claim(wishes))
        if number in self.model.answers:
            assert got == [Answered(self._heard(number))] * copies
            return None
        if number in self._held():
            assert got == [Held()] * copies
            return None
        assert sorted(type(one).__name__ for one in got) == ["Claimed", *["Held"] * (copies - 1)]
        if number in self.model.until:  # it had run out
            self._free(number)
        self.model.until[number] = self.clock.now + SECONDS
        (owner,) = (owner for owner, one in zip(owners, got, strict=True) if isinstance(one, Claimed))
        self.walks.append(Walk(number, owner, self.clock.now))
        return self.walks[-1]

    async def _claim(self, wishes: list[Wish]) -> list[Answered | Held | Claimed]:
        return list(await asyncio.gather(*map(self.store.ledger.claim, wishes)))

    @precondition(lambda self: self.walks)
    @rule(data=st.data(), fails=st.booleans())
    def go_on(self, data: st.DataObject, fails: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """A walk that was slow takes its next step, perhaps after its claim has run out."""
        walk = data.draw(st.sampled_from(self.walks))
        if walk.asked:
            self._settle(walk)
        else:
            self._ask(walk, fails=fails)

    def _ask(self, walk: Walk, *, fails: bool) -> None:
        """The webhook is called; each time it would say something else."""
        self.calls[walk.number] += 1
        walk.asked = True
        walk.said = None if fails else f"<call-{self.calls[walk.number]}/>".encode()

    def _settle(self, walk: Walk) -> None:
        """An answer is recorded; a failure is counted, and after the fourth silence is recorded."""
        self.walks.remove(walk)
        if walk.said is None and not self._given_up(walk.number):
            return
        got = self.runner.run(self.store.ledger.record(self._case(walk)))
        self.model.until.pop(walk.number, None)
        if walk.number in self.model.answers:
            assert got == self._heard(walk.number)
            return
        self.model.answers[walk.number] = self._expected(walk)
        self.model.at[walk.number] = walk.at
        assert got == self.model.answers[walk.number]

    def _heard(self, number: int) -> bytes:
        """G9 before G3: a repeat of what was answered before a STOP is silence."""
        stopped = self.model.out_at.get(person_of(number), float("-inf"))
        return b"" if self.model.at[number] < stopped else self.model.answers[number]

    def _given_up(self, number: int) -> bool:
        failures = self.runner.run(self.store.ledger.fail(f"message-{number}"))
        if number in self.model.answers:  # somebody else was faster; its count is gone with its claim
            return False
        self.model.failures[number] += 1
        assert failures == self.model.failures[number]
        if number in self._held():
            self._free(number)
        return failures >= CALLS

    def _case(self, walk: Walk) -> Case:
        """Judged on what the store remembers, as the engine does."""
        stop = walk.number in STOPS
        pair = Pair(US, person_of(walk.number))
        change = opted(out=True, pair=pair, at=walk.at, message_uuid=f"message-{walk.number}") if stop else None
        case = used(walk.number, pair=pair, at=walk.at, xml=walk.said or SILENCE, opt_out=change)
        spends = case.judge(Memory())

        def judge(memory: Memory) -> Ruling:
            cool = walk.at - memory.cooldowns.get("menu", float("-inf")) >= COOLDOWN
            recent = [at for at, _ in memory.replies if at > walk.at - 86_400.0]
            if walk.said and not memory.opted_out and cool and len(recent) < LIMIT:
                return spends
            kept: OptOutChange | None = change if not memory.opted_out else None
            return Ruling(replace(spends.entry, xml=SILENCE), opt_out=kept)

        return replace(case, judge=judge)

    def _expected(self, walk: Walk) -> bytes:
        """The model's own judgement; it pays."""
        model, person = self.model, person_of(walk.number)
        recent = [at for who, at in model.paid.values() if who == person and at > walk.at - 86_400.0]
        cool = person not in model.cooling or walk.at - model.cooling[person] >= COOLDOWN
        speaks = walk.said is not None and person not in model.out and cool and len(recent) < LIMIT
        if walk.number in STOPS:
            if person not in model.out:
                model.out_at[person] = walk.at
            model.out.setdefault(person, walk.number)
        if not speaks or walk.said is None:
            return SILENCE
        model.paid[walk.number] = (person, walk.at)
        model.cooling[person] = walk.at
        return walk.said

    @precondition(lambda self: self.model.until or self.model.answers)
    @rule(seconds=st.sampled_from((1.0, 30.0, SECONDS, COOLDOWN)))
    def wait(self, seconds: float) -> None:
        """Time goes by, perhaps past a claim, perhaps past a cooldown."""
        self.clock.advance(seconds)

    @precondition(lambda self: self.walks)
    @rule()
    def crash(self) -> None:
        """The file as it is on disk at this moment, opened anew; every walk under way is lost."""
        crashed = Path(tempfile.mkdtemp(dir=self.empty.parent))
        for file in self.folder.glob("autoreply.db*"):
            shutil.copy(file, crashed / file.name)
        self.runner.run(self.stack.aclose())
        self.folder = crashed
        self._open()

    @invariant()
    def calls_are_few(self) -> None:
        """A message's webhook is called once, and once more for each claim that ended without an answer."""
        for number, calls in self.calls.items():
            assert calls <= 1 + self.model.freed[number]

    def teardown(self) -> None:
        """Every answer stands, and is paid once; every message that has none can still get one."""
        try:
            if hasattr(self, "store"):
                self.runner.run(self._check())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    async def _check(self) -> None:
        async with self.store.engine.connect() as connection:
            rows = {table: (await connection.execute(sa.select(table))).all() for table in TABLES}
        model = self.model
        assert {row.message_uuid: row.xml for row in rows[messages]} == {
            f"message-{number}": xml for number, xml in model.answers.items()
        }
        assert {row.message_uuid: (row.person, row.at) for row in rows[replies]} == {
            f"message-{number}": paid for number, paid in model.paid.items()
        }
        assert sum(row.units for row in rows[spending]) == 2 * len(model.paid)
        assert {row.person: row.at for row in rows[cooldowns]} == model.cooling
        assert {row.person: row.message_uuid for row in rows[opt_outs]} == {
            person: f"message-{number}" for person, number in model.out.items()
        }
        held = {row.message_uuid for row in rows[claims] if row.until > self.clock.now}
        assert held == {f"message-{number}" for number in self._held()}


TABLES = (messages, replies, spending, cooldowns, opt_outs, claims)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated store without rows."""
    path = tmp_path_factory.mktemp("machine") / "empty.db"

    async def make() -> None:
        async with opened(path, Clock()):
            pass

    asyncio.run(make())
    return path


def test_messages_keep_their_laws(empty: Path) -> None:
    """Never two answers to one message, never an answer turned into silence, nothing paid twice, no call too many."""
    Messages.empty = empty
    machine = Messages.TestCase
    machine.settings = settings(
        max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    machine().runTest()
