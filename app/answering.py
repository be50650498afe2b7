"""One message, one answer, in time (laws 3 and 4).

A message whose rules cost nothing is decided and recorded in one go. One whose rules wait, or use
something up, is claimed first; its rules are walked by a task of its own, and whoever asks for that
message meanwhile joins it. At the deadline the gate says 503 and lets go: the task goes on, and Plivo's
next call, after 60 s, finds its answer in the ledger.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from app.engine import Decision, Draft, Engine
from app.guards.ledger import Answered, Case, Claimed, CopyTo, Entry, Ledger, Memory, Ruling, Wish
from app.metrics import Metrics
from app.plivo.markup import EMPTY
from app.plivo.messages import Inbound, SignedRequest, content_digest
from app.plivo.numbers import show
from app.plivo.refusals import Unavailable
from app.rules.chain import Asked, Outcome
from app.rules.rule import MAX_LIFE, Fails
from app.rules.tools import Tools
from app.telemetry import get_logger

log = get_logger("answering")

CALLS = 4  # Plivo's, at 0, 60, 180 and 420 s; after the fourth nobody asks again
CHAIN_LIFE = MAX_LIFE + 5.0  # seconds; the next call comes after 60
CLAIM = CHAIN_LIFE + 5.0  # seconds that a claim is held: a crashed owner's is free when Plivo calls again
RELEASE = 1.0  # seconds of a stop for freeing them; a store that hangs must not make it late
POLL = 0.2  # seconds between looks at a claim that another process holds
LATE = 500  # chains of one route that wait for somebody; each holds a task and a connection, some 50 KB
TOLD = 10_000  # limits that are known to silence somebody, so that each is logged once


class ChainFailed(Unavailable):
    """Nothing answered and a rule failed: Plivo's next call may still get an answer."""

    label = "rule_failed"


class Busy(Unavailable):
    """Too many messages of a route wait for its rules."""

    label = "busy"


@dataclass(frozen=True, slots=True)
class AnsweringOptions:
    """How answers are given and kept."""

    keep_text: bool
    config: str  # the version in force
    owner: str  # of this process's claims


class Copying(Protocol):
    """Who gets a copy of a message and its answer."""

    def wanted(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of a route's targets that want copies."""
        ...

    def full(self, names: tuple[str, ...]) -> frozenset[str]:
        """Those whose queue is full."""
        ...

    def stored(self, names: tuple[str, ...]) -> None:
        """A copy for each is durable."""
        ...


class Answering:
    """Gives answers."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        tools: Tools,
        copying: Copying,
        options: AnsweringOptions,
        clock: Callable[[], float],
        metrics: Metrics | None = None,
    ) -> None:
        self._engine = engine
        self._copying = copying
        self._ledger = ledger
        self._tools = tools
        self._options = options
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._chains: dict[str, asyncio.Task[bytes]] = {}
        self._waiting: Counter[str] = Counter()  # chains of a route
        self._told: OrderedDict[str, None] = OrderedDict()

    @property
    def in_flight(self) -> int:
        """Messages whose rules are being asked behind a claim."""
        return len(self._chains)

    async def answer(self, message: Inbound, request: SignedRequest) -> bytes:
        """The XML, durable. Raises `ChainFailed`, `Reused`, `Unavailable`. Cancelled, it leaves its chain going on."""
        xml = await self._answer(message, request)
        return xml or EMPTY  # one that was kept for keep_text and is gone: that call is long over

    async def stop(self, seconds: float) -> None:
        """Chains under way get `seconds`; the claims of those that do not end are free at once."""
        if self._chains:
            _, late = await asyncio.wait(self._chains.values(), timeout=seconds)
            for chain in late:
                chain.cancel()
            await asyncio.gather(*late, return_exceptions=True)  # a rule that will not be cancelled is left behind
        try:  # also those whose caller went away before a chain began
            async with asyncio.timeout(RELEASE):
                await self._ledger.release(self._options.owner)
        except (Unavailable, TimeoutError) as error:
            log.error("cannot free claims; they run out by themselves", reason=str(error) or "the store is too slow")

    async def _answer(self, message: Inbound, request: SignedRequest) -> bytes:
        begun = await self._engine.begin(message, self._clock())
        if not self._engine.costs(message, begun):
            draft = await self._engine.draft(message, begun, self._tools, Memory())
            return await self._settle(message, request, draft, claimed=False)
        wish = Wish(
            message.message_uuid, self._options.owner, CLAIM, self._engine.recall(message, begun), request.proofs
        )
        while True:
            self._refuse_if_full(message, begun)
            got = await self._ledger.claim(wish)
            if isinstance(got, Answered):
                self._tell_again(message, begun)
                return got.xml
            if chain := self._chains.get(message.message_uuid):  # asked first: a process may claim what it has already
                self._metrics.message(_route(begun), "repeat")
                return await asyncio.shield(chain)
            if isinstance(got, Claimed):
                return await asyncio.shield(self._start(message, request, begun, got.memory))
            await asyncio.sleep(POLL)

    def _refuse_if_full(self, message: Inbound, begun: Draft) -> None:
        """One slow webhook must not take the room of other routes (law 7). Raises `Busy`."""
        name = _route(begun) or ""
        if self._waiting[name] >= LATE and message.message_uuid not in self._chains:
            reason = f"{LATE} messages of route {name} wait for their rules"
            raise Busy(reason)

    def _start(self, message: Inbound, request: SignedRequest, begun: Draft, memory: Memory) -> asyncio.Task[bytes]:
        chain = asyncio.create_task(self._walk(message, request, begun, memory))
        name = _route(begun) or ""
        self._chains[message.message_uuid] = chain
        self._waiting[name] += 1
        chain.add_done_callback(lambda done: self._ended(message.message_uuid, name, done))
        return chain

    def _ended(self, message_uuid: str, route: str, chain: asyncio.Task[bytes]) -> None:
        del self._chains[message_uuid]
        self._waiting[route] -= 1
        if not chain.cancelled() and (error := chain.exception()) and not isinstance(error, Unavailable):
            log.error("a fault of ours", message_uuid=message_uuid, exc_info=error)

    async def _walk(self, message: Inbound, request: SignedRequest, begun: Draft, memory: Memory) -> bytes:
        try:
            async with asyncio.timeout(CHAIN_LIFE):
                draft = await self._engine.draft(message, begun, self._tools, memory)
        except TimeoutError:
            asked = Asked("the chain", Fails(f"its rules took more than {CHAIN_LIFE:g} s together"))
            draft = replace(begun, outcome=Outcome(None, None, (asked,)))
        return await self._settle(message, request, draft, claimed=True)

    async def _settle(self, message: Inbound, request: SignedRequest, draft: Draft, *, claimed: bool) -> bytes:
        """Judged and recorded in one transaction. A chain that failed is not remembered, until the fourth call."""
        self._count_failed_rules(draft)
        if draft.outcome and draft.outcome.failed:
            await self._count_failure(message, draft)
        copy = self._copy(request, draft)
        judged: list[Decision] = []

        def judge(memory: Memory) -> Ruling:
            decision = self._engine.judge(message, draft, memory, signed_by=request.signed_by)
            judged[:] = [decision]
            return replace(self._ruling(message, request, draft, decision), copy=copy)

        proofs = () if claimed else request.proofs
        failed = bool(draft.outcome and draft.outcome.failed)
        case = Case(message.message_uuid, self._engine.recall(message, draft), judge, proofs, claimed or failed)
        xml = await self._ledger.record(case)
        if judged and judged[0].xml == xml:
            self._tell(message, request, judged[0])
            if copy:
                self._copying.stored(copy.targets)
        else:  # somebody else was first, perhaps in the same group
            self._tell_again(message, draft)
        return xml

    def _copy(self, request: SignedRequest, draft: Draft) -> CopyTo | None:
        targets = self._copying.wanted(draft.route.targets) if draft.route else ()
        if not targets:
            return None
        identifier = content_digest(request.path, request.parameters).hex()[:32]
        return CopyTo(identifier, targets, self._copying.full(targets), request.parameters)

    def _count_failed_rules(self, draft: Draft) -> None:
        for asked in draft.outcome.asked if draft.outcome else ():
            if isinstance(asked.verdict, Fails):
                self._metrics.rule_failed(_route(draft), asked.rule)

    async def _count_failure(self, message: Inbound, draft: Draft) -> None:
        """Raises `ChainFailed`, so that Plivo calls again; returns when it will not."""
        failures = await self._ledger.fail(message.message_uuid)
        if failures < CALLS:
            self._metrics.message(_route(draft), "failed")
            reason = f"nothing answered, and a rule failed (call {failures} of {CALLS})"
            raise ChainFailed(reason)
        log.error(
            "given up: silence, for a rule failed on every call", message_uuid=message.message_uuid, calls=failures
        )

    def _ruling(self, message: Inbound, request: SignedRequest, draft: Draft, decision: Decision) -> Ruling:
        keep = self._options.keep_text
        entry = Entry(
            message_uuid=message.message_uuid,
            received_at=draft.at,
            sender=message.sender,
            to=message.to,
            type=message.type,
            intent=message.intent,
            text=message.text.replace("\0", "") if keep else None,
            units=message.units,
            media=message.media if keep else (),
            route=decision.route,
            rule=decision.rule,
            reason=decision.reason,
            steps=decision.steps,
            xml=decision.xml,
            signed_by=request.signed_by,
            config=self._options.config,
        )
        keys = tuple(use.key for use in decision.uses)
        return Ruling(entry, decision.text_key, decision.units, decision.scopes, keys, decision.opt_out)

    def _tell_again(self, message: Inbound, draft: Draft) -> None:
        self._metrics.message(_route(draft), "repeat")
        log.info("answered", message_uuid=message.message_uuid, again=True)

    def _count(self, decision: Decision) -> None:
        outcome = "answered" if decision.messages else "given_up" if decision.failed else "silence"
        self._metrics.message(decision.route, outcome)
        self._metrics.replied(decision.route, decision.units)
        if decision.limited:
            self._metrics.limited(decision.route, decision.reason)
        if decision.opt_out:
            self._metrics.opted(decision.route, out=decision.opt_out.out)

    def _tell(self, message: Inbound, request: SignedRequest, decision: Decision) -> None:
        self._count(decision)
        people = {"from": show(message.sender), "to": show(message.to)}
        log.info(
            "answered",
            message_uuid=message.message_uuid,
            again=False,
            **people,
            route=decision.route,
            rule=decision.rule,
            reason=decision.reason,
            messages=len(decision.messages),
            signed_by=request.signed_by or "nobody",
        )
        key = f"{message.to} {message.sender}"
        if not decision.limited:
            self._told.pop(key, None)
        elif key not in self._told:
            self._told[key] = None
            log.warning("a limit starts to silence", **people, route=decision.route, reason=decision.reason)
        while len(self._told) > TOLD:
            self._told.popitem(last=False)
        if decision.burning:
            log.warning("a fuse is at 80 %", fuse=decision.burning, route=decision.route)
        if decision.cut:
            log.warning("a text was cut to max_units", message_uuid=message.message_uuid, rule=decision.rule)


def _route(draft: Draft) -> str | None:
    return draft.route.name if draft.route else None
