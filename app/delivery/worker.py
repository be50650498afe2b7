"""The worker of one target: lease deliveries, send them, settle them. `retry.py` decides, the queue stores.

G7: workers share nothing, so a target that hangs holds back no other. A worker survives any failure of a delivery or of
the store. A slot is free as soon as its POST has ended; the outcome is settled in the background, so that no receiver
waits for our disk. The store works in order, so the next lease sees it settled.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.delivery.backlog import Backlog
from app.delivery.posting import Poster
from app.delivery.queue import Condition, Delivery, DeliveryQueue, Settlement, TargetStatus
from app.delivery.retry import AttemptOutcome, Breaker, ConcurrencyLimit, decide
from app.delivery.settling import interrupted, settled_as
from app.delivery.target import Target
from app.http_client import HttpClient
from app.plivo.refusals import Unavailable
from app.telemetry import get_logger
from app.telemetry.metrics import Metrics, TargetMetrics

log = get_logger("dispatcher")

POLL = 1.0  # seconds until a delivery that falls due, or the change of a command, is noticed
PUNCTUAL = 60.0  # seconds; a delivery that is rescheduled by at most this is attempted when it is due, not a poll later
LEASE_MARGIN = 20.0  # seconds beyond the target's timeout, so that the lease outlasts a slow settle
LOG_INTERVAL = 60.0  # seconds between two log lines about an unavailable store
SETTLE_SECONDS = 1.0  # that a stop waits for an outcome to be stored; a store that hangs must not delay it
GATHER = 0.004  # seconds to wait for more free slots, because a lease of twenty costs as much as a lease of one
UNSETTLED = 2  # times the concurrency: the most attempts that are in flight or not yet settled


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a worker (the time of day, and one that never jumps), and its source of jitter factors."""

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    jitter: Callable[[], float]


class TargetWorker:
    """The worker that sends deliveries to one target until `stop`."""

    def __init__(
        self,
        target: Target,
        queue: DeliveryQueue,
        client: HttpClient,
        clocks: Clocks,
        backlog: Backlog,
        metrics: TargetMetrics | None = None,
    ) -> None:
        self._target = target
        self._queue = queue
        self._client = client
        self._poster = Poster(target, client, clocks.clock)
        self._clocks = clocks
        self._backlog = backlog
        self._metrics = metrics or Metrics().target(target.name)
        self._breaker = Breaker()
        self._concurrency = ConcurrencyLimit(target.concurrency)
        self._last_probe: int | None = None  # the id of its delivery
        self._attempts: set[asyncio.Task[None]] = set()
        self._posting = 0
        self._woken = asyncio.Event()
        self._more = True  # whether more may be due
        self._stopping = False
        self._logged_at = float("-inf")

    def use(self, target: Target) -> None:
        """Use other settings of the same target. Attempts in flight end with the old ones.

        A new URL is another receiver, so the failures of the old one are forgotten.
        """
        moved = target.url != self._target.url
        self._target, self._poster = target, Poster(target, self._client, self._clocks.clock)
        self._concurrency.allow(target.concurrency)
        if moved:
            self._breaker, self._concurrency = Breaker(), ConcurrencyLimit(target.concurrency)
        self.wake()

    @property
    def paused(self) -> bool:
        """Whether the target has failed too often in a row and is only probed."""
        return self._breaker.open

    @property
    def status(self) -> TargetStatus:
        """The status of deliveries to the target."""
        now = self._clocks.monotonic()
        condition: Condition = "running"
        if self._breaker.open:
            condition = "failing"
        elif self._concurrency.not_before > now:
            condition = "busy"
        at = max(self._concurrency.not_before, self._breaker.probe_at if self._breaker.open else now)
        queue = self._backlog.waiting(self._target.name)
        return TargetStatus(condition, self._breaker.failures, max(at - now, 0.0), queue)

    def attempt_now(self) -> None:
        """End all waits, because an operator asks for an immediate attempt."""
        self._breaker.probe_now(self._clocks.monotonic())
        self._concurrency.wait_no_longer()
        self.wake()

    @property
    def _free(self) -> int:
        return self._target.concurrency - self._posting

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._more = True
        self._woken.set()

    async def run(self) -> None:
        """Send deliveries until `stop`."""
        while not self._stopping:
            self._woken.clear()
            if 0 < self._free < self._target.concurrency / 4:
                await asyncio.sleep(GATHER)
            await self._start_what_is_due()
            try:
                async with asyncio.timeout(POLL):
                    await self._woken.wait()
            except TimeoutError:
                self._more = True

    async def stop(self, seconds: float) -> None:
        """Lease nothing more, and close the connections.

        Attempts in flight get `seconds` to finish, then their deliveries are due again.
        """
        self._stopping = True
        self.wake()
        if self._attempts:
            _, late = await asyncio.wait(self._attempts, timeout=seconds)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.close()

    async def _start_what_is_due(self) -> None:
        now, probe = self._clocks.monotonic(), self._breaker.open
        unsettled = UNSETTLED * self._target.concurrency - len(self._attempts)
        room = self._breaker.room(min(self._concurrency.room(self._posting, now), unsettled), now)
        if room <= 0:
            return
        self._more = False
        deliveries = await self._lease(room, now, probe=probe)
        if self._stopping:  # stopped while the store was leasing; no attempt may start now
            await asyncio.gather(*(self._settle(interrupted(delivery)) for delivery in deliveries))
            return
        self._more = self._more or len(deliveries) == room
        self._breaker.probing = probe and bool(deliveries)
        for delivery in deliveries:
            self._start(delivery, probe=probe)
        self._look_again()  # for slots that became free meanwhile

    async def _lease(self, room: int, now: float, *, probe: bool) -> Sequence[Delivery]:
        """Lease due deliveries; none if the store is unavailable.

        Each probe sends another delivery, so that no single report keeps a target paused.
        """
        seconds, last = self._target.timeout + LEASE_MARGIN, self._last_probe if probe else None
        try:
            return await self._queue.lease(self._target.name, room, seconds, longest_due=probe, last=last)
        except Unavailable as error:
            if now - self._logged_at >= LOG_INTERVAL:
                self._logged_at = now
                log.error("cannot lease deliveries", target=self._target.name, reason=str(error))
            return ()

    def _start(self, delivery: Delivery, *, probe: bool) -> None:
        self._posting += 1
        attempt = asyncio.create_task(self._attempt(delivery, probe=probe))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._finished)

    def _finished(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        self._look_again()
        if not attempt.cancelled() and (error := attempt.exception()):
            log.error("unhandled exception in a delivery", target=self._target.name, exc_info=error)

    def _look_again(self) -> None:
        """Wake the worker for a free slot, if more may be due."""
        if self._more:
            self._woken.set()

    async def _attempt(self, delivery: Delivery, *, probe: bool) -> None:
        began = self._clocks.monotonic()
        try:
            with self._metrics.posting():
                outcome = await self._poster.post(delivery)
        except asyncio.CancelledError:
            await self._settle(interrupted(delivery, self._clocks.monotonic() - began))
            raise
        finally:
            self._posting -= 1
            self._look_again()
        await self._settle(self._decide(delivery, outcome, began, probe=probe))

    def _decide(self, delivery: Delivery, outcome: AttemptOutcome, began: float, *, probe: bool) -> Settlement:
        now, wall = self._clocks.monotonic(), self._clocks.clock()
        news = self._concurrency.record(outcome, began=began, now=now, wall=wall)
        next_probe = self._report_breaker(outcome, delivery, now, probe=probe) if news or probe else None
        retry, jitter = self._target.retry, self._clocks.jitter()
        decision = decide(outcome, delivery.attempt, retry, now=wall, jitter=jitter, next_probe=next_probe)
        if decision.state == "dead":
            what = {"report": delivery.content.id, "attempts": delivery.attempt, "reason": outcome.error}
            log.error("delivery marked dead", target=self._target.name, **what)
        return settled_as(decision, delivery, outcome, now - began)

    def _report_breaker(self, outcome: AttemptOutcome, delivery: Delivery, now: float, *, probe: bool) -> float | None:
        """Record an attempt with the breaker.

        Return the seconds until the next probe if this was a probe that failed.
        """
        was_open = self._breaker.open
        wait = self._breaker.record(accepted=outcome.accepted, probe=probe, now=now)
        target_log = log.bind(target=self._target.name, reason=outcome.error)
        if self._breaker.open != was_open:
            target_log.warning("target paused" if self._breaker.open else "target resumed")
        if not (probe and self._breaker.open):
            return None
        self._last_probe = delivery.id
        target_log.warning("target still paused", next_probe=wait)
        return wait

    async def _settle(self, settlement: Settlement) -> None:
        """Settle until it succeeds or the lease ends, because an unsettled delivery is sent twice.

        During a stop: once.
        """
        until = self._clocks.monotonic() + LEASE_MARGIN
        while not await self._settled(settlement):
            if self._stopping or self._clocks.monotonic() >= until:
                return
            await asyncio.sleep(POLL)
        self._metrics.settled[settlement.state].inc()
        if settlement.state == "due":
            what = {"delivery": settlement.delivery, "reason": settlement.error, "seconds": round(settlement.delay, 1)}
            log.info("delivery rescheduled", target=self._target.name, **what)
            if settlement.delay <= PUNCTUAL:
                asyncio.get_running_loop().call_later(settlement.delay, self.wake)
        else:
            self._backlog.remove((self._target.name,))

    async def _settled(self, settlement: Settlement) -> bool:
        try:
            async with asyncio.timeout(SETTLE_SECONDS if self._stopping else None):
                await self._queue.settle(settlement)
        except (Unavailable, TimeoutError) as error:
            what = {"delivery": settlement.delivery, "reason": str(error) or "the store is too slow"}
            log.error("cannot record the outcome of an attempt", target=self._target.name, **what)
            return False
        return True
