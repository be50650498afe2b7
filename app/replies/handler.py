"""One message, one answer, in time (G3, G4).

A message whose rules have no effects is decided and recorded in one go. If its rules wait for others or use something
up, the message is claimed first. Then a task asks its rules, and later calls for the same message join that task. At
the deadline a call gets 503 while the task keeps running, and Plivo's next call, after 60 s, finds the answer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.plivo.messages import InboundMessage, Verified
from app.plivo.refusals import Unavailable
from app.policies.usage import Usage
from app.replies.decide import candidate, usage_query
from app.replies.evaluate import ask_rules, begin, has_effects
from app.replies.failed_calls import CALLS, Busy, FailedCalls, RulesFailed
from app.replies.journal import (
    Arrival,
    Claimed,
    ClaimRequest,
    FailedCall,
    Journal,
    MessageCopies,
    MessageCopy,
    Recorded,
    Submission,
)
from app.replies.observer import Observer
from app.replies.proposals import Evaluation
from app.rules.outcome import Outcome, Step
from app.rules.rule import MAX_LIFETIME
from app.rules.services import RuleServices
from app.rules.table import Route
from app.runtime import Runtime
from app.telemetry import get_logger

log = get_logger("replies")

RULES_LIFETIME = MAX_LIFETIME + 5.0  # seconds for all rules of a message; the next call comes after 60
CLAIM = RULES_LIFETIME + 5.0  # seconds until a claim expires; that of a crashed owner is free when Plivo calls again
RELEASE_SECONDS = 1.0  # that a stop takes to release claims; a store that hangs must not delay it
STILL_ASKING = "no answer within the deadline; the rules are still running"
STILL_WRITING = "no answer within the deadline; the store is too slow"
POLL = 0.2  # seconds between two attempts at a claim that another process holds
WAITING = 500  # messages of one route that wait for its rules; each holds a task and a connection, about 50 KB


@dataclass(slots=True)
class _Pending:
    """A message without an answer yet: its route, and what is known so far."""

    arrival: Arrival
    runtime: Runtime
    route: Route | None
    evaluation: Evaluation
    waited_for: bool = True  # by the call that started its rules

    @property
    def uuid(self) -> str:
        return self.arrival.message.message_uuid


class ReplyHandler:
    """The handler of inbound messages: it asks the rules, records the answer, and returns it."""

    def __init__(
        self,
        runtime: Callable[[], Runtime],
        journal: Journal,
        services: RuleServices,
        copies: MessageCopies,
        observer: Observer,
        clock: Callable[[], float],
        owner: str,
    ) -> None:
        self.services = services  # replaced when a reload brings the first rule that makes requests
        self._runtime = runtime
        self._journal = journal
        self._copies = copies
        self._observer = observer
        self._clock = clock
        self._owner = owner  # of this process's claims
        self._tasks: dict[str, asyncio.Task[bytes]] = {}
        self._waiting: Counter[str | None] = Counter()  # messages whose rules are being asked, by route
        self._failed = FailedCalls(journal)

    @property
    def in_flight(self) -> int:
        """The number of claimed messages whose rules are being asked."""
        return len(self._tasks)

    async def answer(self, message: InboundMessage, request: Verified) -> bytes:
        """Return the XML for a message once it is durable.

        If the call is cancelled, that is recorded, and claimed rules keep running.

        Raises `RulesFailed`, `Busy`, `Reused` or `Unavailable`.
        """
        runtime, at = self._runtime(), self._clock()
        route, evaluation = await begin(runtime, message, at)
        name = route.name if route else None
        is_test = message.person in runtime.policies.test_senders
        arrival = Arrival(
            message, request, at, name, runtime.version, runtime.keep_text, runtime.policies, runtime.callback, is_test
        )
        pending = _Pending(arrival, runtime, route, evaluation)
        claims = has_effects(route, evaluation)
        try:
            if claims:
                return await self._claim(pending)
            pending.evaluation = await ask_rules(runtime, route, message, evaluation, None, self.services)
            return await self._record(pending, claimed=False)
        except asyncio.CancelledError:
            pending.waited_for = False
            self._failed.record(FailedCall(arrival, 503, STILL_ASKING if claims else STILL_WRITING))
            raise

    async def stop(self, seconds: float) -> None:
        """Give running rules `seconds` to finish, cancel the others, and release all claims."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)  # rules that ignore it are not waited for
        try:  # also claims whose call ended before the rules were asked
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._journal.release(self._owner)
        except (Unavailable, TimeoutError) as error:
            log.error("cannot release claims; they will expire", reason=str(error) or "the store is too slow")

    async def _claim(self, pending: _Pending) -> bytes:
        """Claim the message and ask its rules, or wait until who holds the claim has answered it."""
        arrival = pending.arrival
        query = usage_query(arrival.message, pending.evaluation, {arrival.message.person}, cooldowns=True)
        request = ClaimRequest(arrival, self._owner, CLAIM, query)
        while True:
            got = await self._journal.claim(request)
            if isinstance(got, Recorded):
                self._observer.repeated(arrival)
                return got.xml
            if running := self._tasks.get(pending.uuid):  # checked first: a claim succeeds again for its owner
                await self._join(running, arrival)
            elif isinstance(got, Claimed):
                self._refuse_if_busy(pending)
                return await asyncio.shield(self._start(pending, got.usage))
            else:
                await asyncio.sleep(POLL)

    async def _join(self, task: asyncio.Task[bytes], arrival: Arrival) -> None:
        """Wait for the rules that an earlier call started. A call that fails with them is recorded as one of its own.

        If they answer, the next claim returns the answer and counts this call.
        """
        try:
            await asyncio.shield(task)
        except RulesFailed as error:
            self._observer.call_failed(arrival)
            self._failed.record(FailedCall(arrival, 503, error.cause))
            raise

    def _refuse_if_busy(self, pending: _Pending) -> None:
        """Raise `Busy` if too many messages wait for the rules of one route.

        One slow webhook must not take the resources of other routes (G7).
        """
        if self._waiting[pending.arrival.route] >= WAITING:
            reason = f"{WAITING} messages of route {pending.arrival.route} are already waiting for its rules"
            self._failed.record(FailedCall(pending.arrival, 503, reason, ends_claim=True))
            raise Busy(reason)

    def _start(self, pending: _Pending, usage: Usage) -> asyncio.Task[bytes]:
        task = asyncio.create_task(self._ask(pending, usage))
        self._tasks[pending.uuid] = task
        self._waiting[pending.arrival.route] += 1
        task.add_done_callback(lambda done: self._ended(pending, done))
        return task

    def _ended(self, pending: _Pending, task: asyncio.Task[bytes]) -> None:
        del self._tasks[pending.uuid]
        self._waiting[pending.arrival.route] -= 1
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, Unavailable):
            log.error("unhandled exception", message_uuid=pending.uuid, exc_info=error)

    async def _ask(self, pending: _Pending, usage: Usage) -> bytes:
        message, evaluation = pending.arrival.message, pending.evaluation
        try:
            async with asyncio.timeout(RULES_LIFETIME):
                pending.evaluation = await ask_rules(
                    pending.runtime, pending.route, message, evaluation, usage, self.services
                )
        except TimeoutError:
            step = Step("all rules", "fails", f"took more than {RULES_LIFETIME:g} s together")
            pending.evaluation = replace(evaluation, outcome=Outcome(None, None, (step,)))
        return await self._record(pending, claimed=True)

    async def _record(self, pending: _Pending, *, claimed: bool) -> bytes:
        """Admit and record the message in one transaction.

        A failure is not recorded as an answer before the fourth call.
        """
        arrival, evaluation = pending.arrival, pending.evaluation
        outcome = evaluation.outcome
        ready = candidate(arrival.message, evaluation, arrival.policies, arrival.callback, arrival.request.signed_by)
        if outcome and outcome.failures:
            self._observer.rules_failed(arrival, outcome)
            if outcome.failed:
                await self._count_failure(pending, outcome, ready.when_in.steps)
                claimed = True  # the row was written with the failure
        copy = self._copy(pending)
        submission = Submission(arrival, ready, claimed, pending.waited_for, copy, self._clock())
        recorded = await self._journal.record(submission)
        if recorded.proposal:
            self._observer.answered(arrival, recorded.proposal)
            if copy:
                self._copies.stored(copy.targets, copy.full)
        else:
            self._observer.repeated(arrival)
        return recorded.xml

    def _copy(self, pending: _Pending) -> MessageCopy | None:
        targets = pending.runtime.subscriptions.copies_of.get(pending.arrival.route or "")
        if not targets or pending.arrival.is_test:
            return None
        request = pending.arrival.request
        identifier = request.digest.hex()[:32]
        return MessageCopy(identifier, targets, self._copies.full(targets), request.parameters)

    async def _count_failure(self, pending: _Pending, outcome: Outcome, steps: str) -> None:
        """Count a failed call. Raises `RulesFailed` so that Plivo calls again; returns after its last call."""
        failed = outcome.failures[0]
        reason = f"{failed.rule} failed: {failed.reason}"
        call = FailedCall(
            pending.arrival,
            503,
            reason,
            rules_failed=True,
            ends_claim=True,
            steps=steps,
            noted=not pending.waited_for,
            gives_up_at=CALLS,
        )
        failures = await self._journal.fail(call)
        if failures < CALLS:
            self._observer.call_failed(pending.arrival)
            raise RulesFailed(failures, reason)
        fields = {"message_uuid": pending.uuid, "route": pending.arrival.route, "calls": failures}
        log.error("giving up after failed calls, sending no reply", **fields)
