"""Decide when a delivery is attempted again, from its attempt and the outcome. Pure.

G6: a stored report is attempted until it is done or visibly dead. The wait is the delay in the list `retry`, times
jitter, or the Retry-After if that is longer. A response that is about the receiver and not about the report (429, 503
with Retry-After) uses up no attempt.
"""

from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from app.frozen import frozen

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RETRY = (5.0, 30.0, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)  # 46 h in all; Svix has 28 h
RETRY_AFTER_CAP = DAY
SOONEST = 1.0  # seconds; "Retry-After: 0", or a date in the past, must not use up all attempts at once
JITTER = 0.2  # each delay is multiplied by 0.8 to 1.2, as Svix does

ACCEPTED = range(200, 300)  # any 2xx

REQUEST_TIMEOUT, TOO_EARLY, TOO_MANY, UNAVAILABLE = 408, 425, 429, 503
REFUSALS = frozenset(range(400, 500)) - {REQUEST_TIMEOUT, TOO_EARLY, TOO_MANY}  # about one report, not about the target
LONGEST_PAUSE = 60.0  # seconds; the longest wait for a busy target, as long as the breaker's

PAUSE_AFTER = 5  # failures in a row
PROBES = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)  # seconds until the next probe; the last one repeats


@frozen
class AttemptOutcome:
    """The outcome of one attempt: a status, or an error. `response` is how the body of the response began."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    response: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver accepted the delivery. Redirects are not followed, so they are failures."""
        return self.status in ACCEPTED

    @property
    def busy(self) -> bool:
        """Whether the target asks for fewer requests: 429, or 503 with a Retry-After.

        This says nothing about the report.
        """
        asks = self.status == UNAVAILABLE and retry_after(self.retry_after, 0.0) is not None
        return self.status == TOO_MANY or asks

    @property
    def refused(self) -> bool:
        """Whether the target refused this report, so that another attempt cannot be expected to succeed."""
        return self.status in REFUSALS


@frozen
class RetryDecision:
    """What becomes of a delivery: it is done, due again in `delay` seconds, or dead because no attempt is left.

    `counted` says whether the attempt counts.
    """

    state: Literal["done", "due", "dead"]
    delay: float = 0.0
    counted: bool = True


DONE, DEAD = RetryDecision("done"), RetryDecision("dead")


def again(delay: float, *, counted: bool = True) -> RetryDecision:
    """Return the decision to attempt a delivery again after `delay` seconds."""
    return RetryDecision("due", delay, counted)


def decide(
    outcome: AttemptOutcome,
    attempt: int,
    retry: tuple[float, ...],
    *,
    now: float,
    jitter: float,
    next_probe: float | None = None,
) -> RetryDecision:
    """Return what to do after attempt number `attempt`, counted from 1.

    `jitter` is a factor from 1-JITTER to 1+JITTER. `now` is needed for HTTP dates. `next_probe` is given for a failed
    probe: the seconds until the paused target gets the next one.
    """
    if outcome.accepted:
        return DONE
    asked = max(retry_after(outcome.retry_after, now) or 0.0, SOONEST)
    if next_probe is not None and not outcome.refused:
        return again(max(next_probe, asked), counted=False)
    if outcome.busy:  # the attempt does not count, so the wait is always the first of the list
        first = retry[0] if retry else 0.0
        return again(max(first * jitter, asked), counted=False)
    if attempt > len(retry):
        return DEAD
    return again(max(retry[attempt - 1] * jitter, asked))


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for (seconds or an HTTP date), capped; None if it is invalid.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now  # HTTP dates are GMT
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_CAP)


@dataclass(slots=True)
class Breaker:
    """A circuit breaker: pauses a target that fails in a row, so that its deliveries use up no attempts.

    `now` is the time of a monotonic clock.
    """

    failures: int = 0
    probing: bool = False
    probe_at: float = 0.0

    @property
    def open(self) -> bool:
        """Whether the target is paused."""
        return self.failures >= PAUSE_AFTER

    def room(self, free: int, now: float) -> int:
        """Return how many deliveries may be leased now: all that are `free`, or one probe if it is due."""
        if not self.open:
            return free
        return int(free > 0 and not self.probing and now >= self.probe_at)

    def record(self, *, accepted: bool, probe: bool, now: float) -> float:
        """Record an attempt, and return the seconds until the next probe.

        A success closes the breaker, a failed probe postpones the next one.
        """
        if accepted:
            self.failures, self.probing = 0, False
            return 0.0
        if self.open and not probe:
            return 0.0  # it was in flight when the target was paused
        self.failures, self.probing = self.failures + 1, False
        wait = PROBES[min(max(self.failures - PAUSE_AFTER, 0), len(PROBES) - 1)] if self.open else 0.0
        self.probe_at = now + wait
        return wait

    def probe_now(self, now: float) -> None:
        """Make the next probe due. The count of failures is kept."""
        self.probe_at = min(self.probe_at, now)


@dataclass(slots=True)
class ConcurrencyLimit:
    """The limit of attempts at a time.

    It slows down for a busy target as TCP does: a wait, half as many, then slowly more.
    """

    limit: int  # the most attempts at a time
    window: float = field(init=False)
    not_before: float = float("-inf")  # no attempt starts before this
    slowed_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.window = self.limit

    def room(self, under_way: int, now: float) -> int:
        """Return how many more attempts may start now."""
        return max(int(self.window) - under_way, 0) if now >= self.not_before else 0

    def record(self, outcome: AttemptOutcome, *, began: float, now: float, wall: float) -> bool:
        """Record an attempt that began at `began`. Return whether it says something new about the target.

        All attempts that were in flight when the target became busy count as one sign of overload.
        """
        if outcome.accepted:
            self.window = min(self.limit, self.window + 1 / self.window)
        if not outcome.busy:
            return True
        asked = retry_after(outcome.retry_after, wall) or 0.0
        self.not_before = max(self.not_before, now + min(max(asked, SOONEST), LONGEST_PAUSE))
        if began <= self.slowed_at:
            return False
        self.window, self.slowed_at = max(self.window / 2, 1.0), now
        return True

    def allow(self, limit: int) -> None:
        """Change the limit. A target that was slowed down stays slowed down."""
        slowed = self.window < self.limit
        self.limit, self.window = limit, min(self.window, limit) if slowed else limit

    def wait_no_longer(self) -> None:
        """End the wait. There are still no more attempts at a time than the target takes."""
        self.not_before = float("-inf")
