"""When a delivery is tried again: an attempt and its outcome give a decision. Pure.

G6: a stored report is tried until it is done or visibly dead. The wait is the longer of the list's delay, times
jitter, and Retry-After. What a receiver says about itself (429, 503 with Retry-After) uses up no attempt.
"""

from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from app.frozen import frozen

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RETRY = (5.0, 30.0, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)  # 46 h in all; Svix: 28 h
RETRY_AFTER_CAP = DAY
SOONEST = 1.0  # seconds: "Retry-After: 0", or a date that has passed, must not use up all tries in a blink
JITTER = 0.2  # each delay is multiplied by 0.8 to 1.2, as Svix does

ACCEPTED = range(200, 300)  # any 2xx of HTTP

REQUEST_TIMEOUT, TOO_EARLY, TOO_MANY, UNAVAILABLE = 408, 425, 429, 503
REFUSALS = frozenset(range(400, 500)) - {REQUEST_TIMEOUT, TOO_EARLY, TOO_MANY}  # verdicts on one report
LONGEST_PAUSE = 60.0  # seconds that a busy target is left alone at most, as the longest pause of the breaker

PAUSE_AFTER = 5  # failures in a row
PROBES = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0)  # seconds until the next probe; then the last one again


@frozen
class AttemptOutcome:
    """What one POST brought: a status, or an error."""

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        """Any 2xx is done; a redirect is not followed, so it is a failure."""
        return self.status in ACCEPTED

    @property
    def busy(self) -> bool:
        """Whether the target wants fewer requests: 429, or 503 with a Retry-After. It says nothing of the report."""
        asks = self.status == UNAVAILABLE and retry_after(self.retry_after, 0.0) is not None
        return self.status == TOO_MANY or asks

    @property
    def refused(self) -> bool:
        """Whether the status judges this report, so that the same report cannot be expected to pass later."""
        return self.status in REFUSALS


@frozen
class Done:
    """The receiver has it."""


@frozen
class Again:
    """To be tried again after `delay` seconds; whether this attempt counts."""

    delay: float
    counted: bool = True


@frozen
class Dead:
    """No try is left; it stays visible until an operator replays or drops it, or `keep` ends."""


RetryDecision = Done | Again | Dead


def decide(
    outcome: AttemptOutcome,
    attempt: int,
    retry: tuple[float, ...],
    *,
    now: float,
    jitter: float,
    next_probe: float | None = None,
) -> RetryDecision:
    """`attempt` counts from 1; `jitter` is a factor from 1-JITTER to 1+JITTER; `now` serves HTTP dates; `next_probe`
    is given for a failed probe: seconds until the paused target gets the next one.
    """
    if outcome.accepted:
        return Done()
    asked = max(retry_after(outcome.retry_after, now) or 0.0, SOONEST)
    if next_probe is not None and not outcome.refused:
        return Again(max(next_probe, asked), counted=False)
    if outcome.busy:  # the report has not moved on in the list: it waits as after its first failure
        first = retry[0] if retry else 0.0
        return Again(max(first * jitter, asked), counted=False)
    if attempt > len(retry):
        return Dead()
    return Again(max(retry[attempt - 1] * jitter, asked))


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds asked for by a Retry-After header (seconds or an HTTP date), capped; None if it says nothing.

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
    """Pauses a target that fails in a row, so that its deliveries use up no attempts. `now` is monotonic."""

    failures: int = 0
    probing: bool = False
    probe_at: float = 0.0

    @property
    def open(self) -> bool:
        """Whether the target is paused."""
        return self.failures >= PAUSE_AFTER

    def room(self, free: int, now: float) -> int:
        """How many deliveries may be leased now: all that fit, or one probe when it is time."""
        if not self.open:
            return free
        return int(free > 0 and not self.probing and now >= self.probe_at)

    def record(self, *, accepted: bool, probe: bool, now: float) -> float:
        """One success closes it; a failed probe puts the next one further away: seconds until then."""
        if accepted:
            self.failures, self.probing = 0, False
            return 0.0
        if self.open and not probe:
            return 0.0  # was under way when the target was paused
        self.failures, self.probing = self.failures + 1, False
        wait = PROBES[min(max(self.failures - PAUSE_AFTER, 0), len(PROBES) - 1)] if self.open else 0.0
        self.probe_at = now + wait
        return wait

    def probe_now(self, now: float) -> None:
        """The next probe is due; how often the target has failed is not forgotten."""
        self.probe_at = min(self.probe_at, now)


@dataclass(slots=True)
class ConcurrencyLimit:
    """Slows a busy target down, as TCP does: a wait, then half as many at a time, then slowly more."""

    limit: int  # attempts at a time, at most
    window: float = field(init=False)
    not_before: float = float("-inf")  # no attempt begins earlier
    slowed_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.window = self.limit

    def room(self, under_way: int, now: float) -> int:
        """How many more attempts may begin now."""
        return max(int(self.window) - under_way, 0) if now >= self.not_before else 0

    def record(self, outcome: AttemptOutcome, *, began: float, now: float, wall: float) -> bool:
        """Of an attempt that began then; whether it says something new. All attempts that were under way when the
        target said that it is busy are one sign of too much, not many.
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
        """Change the most attempts at a time. A target that was slowed down stays so."""
        slowed = self.window < self.limit
        self.limit, self.window = limit, min(self.window, limit) if slowed else limit

    def wait_no_longer(self) -> None:
        """Attempts may begin now, still no more at a time than the target takes."""
        self.not_before = float("-inf")
