"""The forwarder: one lane a target; lease, POST, settle. Policy is `schedule.py`'s, durability the outbox's.

Law 7: lanes share nothing, so a target that hangs holds back no other. A lane survives whatever one
delivery or the store does; if it ends all the same, the service ends with it.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.outbound import Outbound, Undelivered, webhook_headers
from app.plivo.refusals import Unavailable
from app.reports.formats import FORMATS, as_plivo_signs
from app.reports.outbox import Delivery, Outbox, Settlement
from app.reports.schedule import Again, Breaker, Dead, Done, Outcome, decide
from app.reports.target import Target
from app.telemetry import get_logger, place_of

log = get_logger("forwarder")

POLL = 1.0  # seconds: what falls due, or what a command changed, is seen within this
LEASE_MARGIN = 20.0  # seconds over the target's timeout: a settle that waits for a slow disk keeps its lease
NONCE_BYTES = 10  # Plivo sends 20 digits
ANSWER_CAP = 4096  # bytes of a receiver's answer that are read; only its status counts


@dataclass(frozen=True, slots=True)
class Chance:
    """What a lane cannot know by itself: the time, and a jitter factor."""

    clock: Callable[[], float]
    jitter: Callable[[], float]


class Lane:
    """What goes to one target."""

    def __init__(self, target: Target, outbox: Outbox, client: Outbound, chance: Chance) -> None:
        self._target = target
        self._outbox = outbox
        self._client = client
        self._chance = chance
        self._breaker = Breaker()
        self._attempts: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Forwards until `stop`."""
        while not self._stopping:
            self._woken.clear()
            await self._start_what_is_due()
            try:
                async with asyncio.timeout(POLL):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def stop(self, seconds: float) -> None:
        """Leases nothing more; attempts under way get `seconds`, then their deliveries fall due at once."""
        self._stopping = True
        self.wake()
        if self._attempts:
            _, late = await asyncio.wait(self._attempts, timeout=seconds)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _start_what_is_due(self) -> None:
        probe = self._breaker.open
        room = self._breaker.room(self._target.concurrency - len(self._attempts), self._chance.clock())
        if room <= 0:
            return
        try:
            # Each probe is another delivery, so that no single report keeps a target paused.
            deliveries = await self._outbox.lease(
                self._target.name, room, self._target.timeout + LEASE_MARGIN, longest_due=probe
            )
        except Unavailable as error:
            log.error("cannot lease", target=self._target.name, reason=str(error))
            return
        if self._stopping:  # the stop came while the store was asked; no attempt may begin now
            await asyncio.gather(*(self._settle(_cut_off(delivery, delivery.attempt - 1)) for delivery in deliveries))
            return
        self._breaker.probing = probe and bool(deliveries)
        for delivery in deliveries:
            attempt = asyncio.create_task(self._attempt(delivery, probe=probe))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._finished)

    def _finished(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        self.wake()
        if not attempt.cancelled() and (error := attempt.exception()):
            log.error("a delivery broke", target=self._target.name, exc_info=error)

    async def _attempt(self, delivery: Delivery, *, probe: bool) -> None:
        try:
            outcome = await self._post(delivery)
        except asyncio.CancelledError:
            await self._settle(_cut_off(delivery, delivery.attempt))
            raise
        except Exception as error:  # noqa: BLE001 - it must die visibly, not come back for ever when its lease ends
            log.error("a delivery broke", target=self._target.name, delivery=delivery.id, reason=place_of(error))
            outcome = Outcome(error=f"cannot be sent: {type(error).__name__}")
        await self._settle(self._judge(delivery, outcome, probe=probe))

    async def _post(self, delivery: Delivery) -> Outcome:
        body, headers = FORMATS[self._target.format](delivery)
        signed = webhook_headers(delivery.parcel.report.id, int(self._chance.clock()), body, self._target.secrets)
        if token := self._target.plivo_token:
            nonce = secrets.token_hex(NONCE_BYTES)
            signed |= as_plivo_signs(delivery, self._target.url, token, nonce, self._target.format)
        try:
            answer = await self._client.post(
                self._target.url,
                body,
                {**headers, **self._target.headers, **signed},
                timeout=self._target.timeout,
                cap=ANSWER_CAP,
            )
        except Undelivered as error:
            return Outcome(error=str(error))
        outcome = Outcome(answer.status, retry_after=answer.retry_after)
        return outcome if outcome.accepted else replace(outcome, error=f"status {answer.status}")

    def _judge(self, delivery: Delivery, outcome: Outcome, *, probe: bool) -> Settlement:
        now = self._chance.clock()
        was_open = self._breaker.open
        wait = self._breaker.record(accepted=outcome.accepted, probe=probe, now=now)
        if self._breaker.open != was_open:
            log.warning(
                "target paused" if self._breaker.open else "target resumed",
                target=self._target.name,
                reason=outcome.error,
            )
        verdict = decide(outcome, delivery.attempt, self._target.retry, now=now, jitter=self._chance.jitter())
        settlement = Settlement(
            delivery.id, delivery.lease, "done", delivery.attempt, 0.0, outcome.status, outcome.error
        )
        match verdict:
            case Done():
                return settlement
            case _ if probe and self._breaker.open:  # a paused target uses up no try
                log.warning("target is still paused", target=self._target.name, reason=outcome.error, next_probe=wait)
                return replace(settlement, state="due", attempts=delivery.attempt - 1, delay=wait)
            case Again(delay):
                return replace(settlement, state="due", delay=delay)
            case Dead():
                log.error(
                    "delivery is dead",
                    target=self._target.name,
                    report=delivery.parcel.report.id,
                    tries=delivery.attempt,
                    reason=outcome.error,
                )
                return replace(settlement, state="dead")

    async def _settle(self, settlement: Settlement) -> None:
        """Tries until the lease has run out anyway: an outcome that is not written is a double POST."""
        for _ in range(int(LEASE_MARGIN / POLL)):
            try:
                await self._outbox.settle(settlement)
            except Unavailable as error:
                log.error("cannot settle", target=self._target.name, delivery=settlement.delivery, reason=str(error))
                if self._stopping:
                    return
                await asyncio.sleep(POLL)
            else:
                break
        if settlement.state != "done":
            log.info(
                "delivery put off",
                target=self._target.name,
                delivery=settlement.delivery,
                reason=settlement.error,
                seconds=round(settlement.delay, 1),
            )


def _cut_off(delivery: Delivery, attempts: int) -> Settlement:
    """Due again at once."""
    return Settlement(delivery.id, delivery.lease, "due", attempts, error="cut off by a stop")


class Forwarder:
    """All lanes."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = lanes
        self._stopped = asyncio.Event()

    def wake(self, targets: tuple[str, ...]) -> None:
        """These targets have something new."""
        for target in targets:
            self._lanes[target].wake()

    async def run(self) -> None:
        """Until `stop`; ends with an error if any lane does."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._stopped.wait())
            for lane in self._lanes.values():
                lanes.create_task(lane.run())

    async def stop(self, seconds: float) -> None:
        """See `Lane.stop`."""
        self._stopped.set()
        await asyncio.gather(*(lane.stop(seconds) for lane in self._lanes.values()))
