"""G3, G8 and G9 on every walk that hypothesis can think of: copies, claims, slow rules, crashes between any two steps.

The model is plain dicts: who holds what, what was answered, what was used up. A webhook counts its calls.
"""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from support import machine
from support.stored import CALLBACK, DAY, US, arrival, claim, opted, submission

from app.plivo.markup import EMPTY, render
from app.plivo.messages import Outgoing
from app.policies.limits import LimitOptions, Rate
from app.policies.usage import Conversation
from app.replies.journal import Arrival, Claimed, ClaimRequest, FailedCall, Held, Recorded, Submission
from app.replies.proposals import Proposal
from app.rules.outcome import Use
from app.store.schema import cooldowns, messages, opt_outs, spending
from app.store.usage import AHEAD

SECONDS = 60.0  # of a claim
CALLS = 4
COOLDOWN = 3600.0
LIMITS = LimitOptions(per_sender=(Rate(2, DAY),), same_text=())
PEOPLE = ("33700000001", "33700000002")
NUMBERS = st.integers(0, 5)  # messages; number % 2 is who wrote it
STOPS = (4,)  # this message says STOP, which only the store decides on


@dataclass
class Walk:
    """A message that some process has claimed."""

    number: int
    at: float
    asked: bool = False
    reply: bytes | None = None  # what the webhook answered, as XML; None: it failed


@dataclass
class Model:
    """What must be."""

    until: dict[int, float] = field(default_factory=dict)  # of claims
    failures: Counter[int] = field(default_factory=Counter)
    answers: dict[int, bytes] = field(default_factory=dict)
    counted: dict[int, tuple[str, float]] = field(default_factory=dict)  # message -> who, when it was admitted
    cooling: dict[str, float] = field(default_factory=dict)
    out: dict[str, int] = field(default_factory=dict)  # who -> by which message
    freed: Counter[int] = field(default_factory=Counter)  # claims that ended without an answer


def person_of(number: int) -> str:
    """Who wrote it."""
    return PEOPLE[number % 2]


def came(number: int, at: float) -> Arrival:
    """A call for a message."""
    return arrival(f"message-{number}", at=at, pair=Conversation(US, person_of(number)), text=f"text {number}")


class Messages(machine.StoreMachine):
    """Two people, six messages, one store, one clock, any number of processes one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.calls: Counter[int] = Counter()  # of the webhook
        self.walks: list[Walk] = []  # also those whose claim has run out: nobody tells them
        self.replicas = itertools.count()

    def open(self) -> None:
        """As a sole server starts: whatever a former process held is free."""
        super().open()
        self.runner.run(self.store.journal.release(""))
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
        """Copies of one message at once: all get the answer, or one claims it and the rest wait."""
        message = came(number, self.clock.now)
        requests = [claim(message, f"replica-{next(self.replicas)}", SECONDS) for _ in range(copies)]
        got = self.runner.run(self._claim(requests))
        if number in self.model.answers:
            assert got == [Recorded(self._repeated(number))] * copies
            return None
        if number in self._held():
            assert got == [Held()] * copies
            return None
        assert sorted(type(one).__name__ for one in got) == ["Claimed", *["Held"] * (copies - 1)]
        if number in self.model.until:  # it had run out
            self._free(number)
        self.model.until[number] = self.clock.now + SECONDS
        self.walks.append(Walk(number, self.clock.now))
        return self.walks[-1]

    async def _claim(self, requests: list[ClaimRequest]) -> list[Recorded | Held | Claimed]:
        return list(await asyncio.gather(*map(self.store.journal.claim, requests)))

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
        walk.reply = None if fails else self._proposal(walk.number, f"reply {self.calls[walk.number]}").xml

    def _proposal(self, number: int, text: str) -> Proposal:
        sent = (Outgoing(US, (person_of(number),), text),)
        xml = render(sent, f"{CALLBACK.url}/message-{number}", CALLBACK.method)
        return Proposal("bot", "webhook", messages=sent, xml=xml, units=2, uses=(Use("bot", COOLDOWN),))

    def _settle(self, walk: Walk) -> None:
        """An answer is recorded; a failure is counted, and after the fourth silence is recorded."""
        self.walks.remove(walk)
        if walk.reply is None and not self._given_up(walk):
            return
        got = self.runner.run(self.store.journal.record(self._submission(walk)))
        self.model.until.pop(walk.number, None)
        if walk.number in self.model.answers:
            assert got == Recorded(self._repeated(walk.number))
            return
        self.model.answers[walk.number] = self._expected(walk)
        assert got.proposal is not None
        assert got.xml == self.model.answers[walk.number]

    def _repeated(self, number: int) -> bytes:
        """G9 before G3: a repeat of what was answered before a STOP is silence."""
        stopped = self.model.out.get(person_of(number))
        return self.model.answers[number] if stopped in (None, number) else EMPTY

    def _given_up(self, walk: Walk) -> bool:
        call = FailedCall(came(walk.number, walk.at), 503, "bot failed", rules_failed=True, ends_claim=True)
        failures = self.runner.run(self.store.journal.fail(call))
        if walk.number in self.model.answers:  # somebody else was faster
            return False
        self.model.failures[walk.number] += 1
        assert failures == self.model.failures[walk.number]
        if walk.number in self._held():
            self._free(walk.number)
        return failures >= CALLS

    def _submission(self, walk: Walk) -> Submission:
        """As the reply handler makes it; a STOP is confirmed by whatever the webhook answered."""
        number = walk.number
        proposal = Proposal(None, "no rule answered, and at least one failed", failed=True)
        if walk.reply is not None:
            proposal = self._proposal(number, f"reply {self.calls[number]}")
            sent = walk.reply
            proposal = Proposal("bot", "webhook", messages=proposal.messages, xml=sent, units=2, uses=proposal.uses)
        message = came(number, walk.at)
        if number not in STOPS:
            return submission(message, proposal, claimed=True, limits=LIMITS)
        change = opted(out=True, pair=Conversation(US, person_of(number)), message_uuid=f"message-{number}")
        stop = Proposal("opt_out", "STOP", change=change)
        return submission(message, stop, claimed=True, limits=LIMITS)

    def _expected(self, walk: Walk) -> bytes:
        """The model's own decision; it uses up."""
        model, person = self.model, person_of(walk.number)
        if walk.number in STOPS:
            model.out.setdefault(person, walk.number)
            return EMPTY
        until = walk.at + AHEAD  # later than that is of a clock that was ahead
        recent = [at for who, at in model.counted.values() if who == person and walk.at - DAY < at <= until]
        cooled = model.cooling.get(person, float("-inf"))
        cool = cooled > until or walk.at - cooled >= COOLDOWN
        if walk.reply is None or person in model.out or not cool or len(recent) >= LIMITS.per_sender[0].count:
            return EMPTY
        model.counted[walk.number] = (person, walk.at)
        model.cooling[person] = walk.at
        return walk.reply

    @precondition(lambda self: self.model.until or self.model.answers)
    @rule(seconds=st.sampled_from((1.0, 30.0, SECONDS, COOLDOWN)))
    def wait(self, seconds: float) -> None:
        """Time goes by, perhaps past a claim, perhaps past a cooldown."""
        self.clock.advance(seconds)

    @precondition(lambda self: self.walks)
    @rule()
    def crash(self) -> None:
        """The file as it is on disk at this moment, opened anew; every walk under way is lost."""
        self.kill()

    @invariant()
    def calls_are_few(self) -> None:
        """A message's webhook is called once, and once more for each claim that ended without an answer."""
        for number, calls in self.calls.items():
            assert calls <= 1 + self.model.freed[number]

    async def check(self) -> None:
        """Every answer stands, and is counted once; every message that has none can still get one."""
        async with self.store.engine.connect() as connection:
            rows = {table: (await connection.execute(sa.select(table))).all() for table in TABLES}
        model = self.model
        answered = {row.message_uuid: row.xml for row in rows[messages] if row.state == "answered"}
        assert answered == {f"message-{number}": xml for number, xml in model.answers.items()}
        assert {row.message_uuid for row in rows[messages] if row.counted} == {
            f"message-{number}" for number in model.counted
        }
        assert sum(row.units for row in rows[spending]) == 2 * len(model.counted)
        assert {row.person: row.at for row in rows[cooldowns]} == model.cooling
        assert {row.person: row.message_uuid for row in rows[opt_outs]} == {
            person: f"message-{number}" for person, number in model.out.items()
        }
        held = {row.message_uuid for row in rows[messages] if row.owner and row.claimed_until > self.clock.now}
        assert held == {f"message-{number}" for number in self._held()}
        assert all(row.failures == model.failures[int(row.message_uuid[-1])] for row in rows[messages])


TABLES = (messages, spending, cooldowns, opt_outs)


def test_messages_keep_their_guarantees(tmp_path: Path) -> None:
    """Never two answers to a message, never an answer turned into silence, nothing counted twice, no call too many."""
    machine.walk(Messages, tmp_path, examples=20, steps=20)
