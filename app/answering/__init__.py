"""One message, one answer, in time (G3 and G4).

A message whose rules cost nothing is decided and recorded in one go. One whose rules wait, or use
something up, is claimed first; its rules are walked by a task of its own, and whoever asks for that
message meanwhile joins it. At the deadline the gate says 503 and lets go: the task goes on, and Plivo's
next call, after 60 s, finds its answer in the ledger.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from app.answering.recording import AnsweringOptions, ruling
from app.answering.telling import Teller
from app.engine import Decision, Draft, Engine
from app.plivo.markup import EMPTY
from app.plivo.messages import InboundMessage, Verified, content_digest
from app.plivo.refusals import Unavailable
from app.policies.ledger import Answered, Case, Claimed, CopyTo, Ledger, Memory, Ruling, Wish
from app.rules.chain import Asked, Outcome
from app.rules.rule import MAX_LIFE, Fails
from app.rules.services import RuleServices
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics

__all__ = ["Answering", "AnsweringOptions", "Busy", "ChainFailed", "Copying"]

log = get_logger("answering")

CALLS = 4  # Plivo's, at 0, 60, 180 and 420 s; after the fourth nobody asks again
CHAIN_LIFE = MAX_LIFE + 5.0  # seconds; the next call comes after 60
CLAIM = CHAIN_LIFE + 5.0  # seconds that a claim is held: a crashed owner's is free when Plivo calls again
RELEASE = 1.0  # seconds of a stop for freeing them; a store that hangs must not make it late
POLL = 0.2  # seconds between looks at a claim that another process holds
LATE = 500  # chains of one route that wait for somebody; each holds a task and a connection, some 50 KB


class ChainFailed(Unavailable):
    """Nothing answered and a rule failed: Plivo's next call may still get an answer."""

    label = "rule_failed"


class Busy(Unavailable):
    """Too many messages of a route wait for its rules."""

    label = "busy"


class Copying(Protocol):
    """Who gets a copy of a message and its answer."""

    def wanted(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of a route's targets that want copies."""
        ...

    def admit(self, names: tuple[str, ...]) -> frozenset[str]:
        """Makes room for a copy for each; those whose queue is full."""
        ...

    def stored(self, names: tuple[str, ...]) -> None:
        """A copy for each is durable."""
        ...

    def withdrawn(self, names: Iterable[str]) -> None:
        """They were not stored after all."""
        ...


class Answering:
    """Gives answers."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        services: RuleServices,
        copying: Copying,
        options: AnsweringOptions,
        clock: Callable[[], float],
        metrics: Metrics | None = None,
    ) -> None:
        self._engine = engine
        self._copying = copying
        self._ledger = ledger
        self._tools = services
        self._options = options
        self._clock = clock
        self._teller = Teller(metrics or Metrics())
        self._chains: dict[str, asyncio.Task[bytes]] = {}
        self._waiting: Counter[str] = Counter()  # chains of a route

    @property
    def in_flight(self) -> int:
        """Messages whose rules are being asked behind a claim."""
        return len(self._chains)

    async def answer(self, message: InboundMessage, request: Verified) -> bytes:
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

    async def _answer(self, message: InboundMessage, request: Verified) -> bytes:
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
                self._teller.again(message.message_uuid, _route(begun))
                return got.xml
            if chain := self._chains.get(message.message_uuid):  # asked first: a process may claim what it has already
                self._teller.joined(_route(begun))
                return await asyncio.shield(chain)
            if isinstance(got, Claimed):
                return await asyncio.shield(self._start(message, request, begun, got.memory))
            await asyncio.sleep(POLL)

    def _refuse_if_full(self, message: InboundMessage, begun: Draft) -> None:
        """One slow webhook must not take the room of other routes (G7). Raises `Busy`."""
        name = _route(begun) or ""
        if self._waiting[name] >= LATE and message.message_uuid not in self._chains:
            reason = f"{LATE} messages of route {name} wait for their rules"
            raise Busy(reason)

    def _start(self, message: InboundMessage, request: Verified, begun: Draft, memory: Memory) -> asyncio.Task[bytes]:
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

    async def _walk(self, message: InboundMessage, request: Verified, begun: Draft, memory: Memory) -> bytes:
        try:
            async with asyncio.timeout(CHAIN_LIFE):
                draft = await self._engine.draft(message, begun, self._tools, memory)
        except TimeoutError:
            asked = Asked("the chain", Fails(f"its rules took more than {CHAIN_LIFE:g} s together"))
            draft = replace(begun, outcome=Outcome(None, None, (asked,)))
        return await self._settle(message, request, draft, claimed=True)

    async def _settle(self, message: InboundMessage, request: Verified, draft: Draft, *, claimed: bool) -> bytes:
        """Judged and recorded in one transaction. A chain that failed is not remembered, until the fourth call."""
        self._teller.asked(_route(draft), draft.outcome)
        if draft.outcome and draft.outcome.failed:
            await self._count_failure(message, _route(draft))
        copy = self._copy(request, draft)
        judged: list[Decision] = []

        def judge(memory: Memory) -> Ruling:
            decision = self._engine.judge(message, draft, memory, signed_by=request.signed_by)
            judged[:] = [decision]
            return ruling(message, request, draft.at, decision, self._options, copy)

        proofs = () if claimed else request.proofs
        failed = bool(draft.outcome and draft.outcome.failed)
        case = Case(message.message_uuid, self._engine.recall(message, draft), judge, proofs, claimed or failed)
        first = False
        try:
            xml = await self._ledger.record(case)
            first = bool(judged) and judged[0].xml == xml
        finally:
            if copy and not first:
                self._copying.withdrawn(set(copy.targets) - copy.full)
        if first:
            self._teller.answered(message, judged[0], request.signed_by)
            self._copying.stored(copy.targets if copy else ())
        else:  # somebody else was first, perhaps in the same group
            self._teller.again(message.message_uuid, _route(draft))
        return xml

    def _copy(self, request: Verified, draft: Draft) -> CopyTo | None:
        targets = self._copying.wanted(draft.route.targets) if draft.route else ()
        if not targets:
            return None
        identifier = content_digest(request.path, request.parameters).hex()[:32]
        return CopyTo(identifier, targets, self._copying.admit(targets), request.parameters)

    async def _count_failure(self, message: InboundMessage, route: str | None) -> None:
        """Raises `ChainFailed`, so that Plivo calls again; returns when it will not."""
        failures = await self._ledger.fail(message.message_uuid)
        if failures < CALLS:
            self._teller.failed(route)
            reason = f"nothing answered, and a rule failed (call {failures} of {CALLS})"
            raise ChainFailed(reason)
        log.error(
            "given up: silence, for a rule failed on every call", message_uuid=message.message_uuid, calls=failures
        )


def _route(draft: Draft) -> str | None:
    return draft.route.name if draft.route else None
