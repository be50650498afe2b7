"""When a delivery is tried again, and when a target is left in peace."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.retry import (
    DEAD,
    DONE,
    JITTER,
    RETRY,
    AttemptOutcome,
    Breaker,
    ConcurrencyLimit,
    RetryDecision,
    again,
    decide,
    retry_after,
)

NOW = 1_772_442_000.0  # Mon, 02 Mar 2026 09:00:00 GMT
DAY = 86_400.0

FAILED = AttemptOutcome(500, "status 500")


def test_default_list_is_the_documented_one() -> None:
    """5 s, 30 s, 2 m, 10 m, 1 h, 3 h, 6 h, 12 h, 24 h: ten tries in 46 hours."""
    assert RETRY == (5, 30, 120, 600, 3600, 10_800, 21_600, 43_200, 86_400)
    assert JITTER == 0.2


@pytest.mark.parametrize(
    ("outcome", "attempt", "verdict"),
    [
        (AttemptOutcome(200), 1, DONE),
        (AttemptOutcome(204), 10, DONE),
        (AttemptOutcome(299), 1, DONE),
        (AttemptOutcome(200, retry_after="60"), 1, DONE),
        (AttemptOutcome(199), 1, again(5.0)),
        (AttemptOutcome(302), 1, again(5.0)),
        (AttemptOutcome(404), 2, again(30.0)),
        (AttemptOutcome(500), 3, again(120.0)),
        (AttemptOutcome(error="no answer within 10 s"), 9, again(86_400.0)),
        (FAILED, 10, DEAD),
        (FAILED, 11, DEAD),
        (AttemptOutcome(500, retry_after="60"), 1, again(60.0)),
        (AttemptOutcome(500, retry_after="60"), 4, again(600.0)),
        (AttemptOutcome(404, retry_after="Mon, 02 Mar 2026 09:02:00 GMT"), 1, again(120.0)),
        (AttemptOutcome(500, retry_after="9999999"), 1, again(DAY)),
        (AttemptOutcome(500, retry_after="1"), 10, DEAD),
        (AttemptOutcome(503), 1, again(5.0)),
        (AttemptOutcome(503), 10, DEAD),
        (AttemptOutcome(503, retry_after="soon"), 1, again(5.0)),
        (AttemptOutcome(503, retry_after="soon"), 10, DEAD),
    ],
)
def test_outcome_and_attempt_decide(outcome: AttemptOutcome, attempt: int, verdict: RetryDecision) -> None:
    """Any 2xx is done; else the longer of the list's delay and Retry-After; after the last attempt dead."""
    assert decide(outcome, attempt, RETRY, now=NOW, jitter=1.0) == verdict


@pytest.mark.parametrize("attempt", [1, 5, 10, 1000])
@pytest.mark.parametrize(
    ("outcome", "delay"),
    [
        (AttemptOutcome(429), 5.0),
        (AttemptOutcome(429, retry_after="0"), 5.0),
        (AttemptOutcome(429, retry_after="rubbish"), 5.0),
        (AttemptOutcome(429, retry_after="Mon, 02 Mar 2026 09:02:00 GMT"), 120.0),
        (AttemptOutcome(503, retry_after="0"), 5.0),
        (AttemptOutcome(503, retry_after="1"), 5.0),
        (AttemptOutcome(503, retry_after="60"), 60.0),
        (AttemptOutcome(503, retry_after="9999999"), DAY),
        (AttemptOutcome(503, retry_after="Mon, 02 Mar 2026 08:00:00 GMT"), 5.0),
    ],
)
def test_what_a_busy_target_says_uses_up_no_attempt(outcome: AttemptOutcome, delay: float, attempt: int) -> None:
    """429, and 503 with Retry-After, are about the target: the report waits as after its first failure, or longer if
    it is asked to, and no attempt counts.
    """
    assert decide(outcome, attempt, RETRY, now=NOW, jitter=1.0) == again(delay, counted=False)
    assert decide(outcome, attempt, (), now=NOW, jitter=1.0) == again(
        max(delay, 1.0) if delay > 5 else 1.0, counted=False
    )


@pytest.mark.parametrize(
    ("outcome", "attempt", "verdict"),
    [
        (AttemptOutcome(500), 3, again(20.0, counted=False)),
        (AttemptOutcome(error="could not connect"), 99, again(20.0, counted=False)),
        (AttemptOutcome(500, retry_after="60"), 3, again(60.0, counted=False)),
        (AttemptOutcome(429), 3, again(20.0, counted=False)),
        (AttemptOutcome(408), 3, again(20.0, counted=False)),
        (AttemptOutcome(425), 3, again(20.0, counted=False)),
        (AttemptOutcome(400), 3, again(120.0)),
        (AttemptOutcome(404), 1, again(5.0)),
        (AttemptOutcome(410), 10, DEAD),
        (AttemptOutcome(499), 10, DEAD),
    ],
)
def test_probe_uses_up_an_attempt_only_by_a_verdict_on_the_report(
    outcome: AttemptOutcome, attempt: int, verdict: RetryDecision
) -> None:
    """A target that is paused costs its reports nothing; a 4xx but 408, 425 and 429 says that the report is refused."""
    assert decide(outcome, attempt, RETRY, now=NOW, jitter=1.0, next_probe=20.0) == verdict


@pytest.mark.parametrize(("jitter", "first", "last"), [(0.8, 4.0, 69_120.0), (1.2, 6.0, 103_680.0)])
def test_jitter_multiplies_the_capped_delay(jitter: float, first: float, last: float) -> None:
    """At the cap, too, receivers are not hit in step; what a receiver asked for is not jittered."""
    assert decide(FAILED, 1, RETRY, now=NOW, jitter=jitter) == again(first)
    assert decide(FAILED, 9, RETRY, now=NOW, jitter=jitter) == again(last)
    assert decide(AttemptOutcome(503, retry_after="1"), 9, RETRY, now=NOW, jitter=jitter) == again(first, counted=False)
    assert decide(AttemptOutcome(500, retry_after="60"), 1, RETRY, now=NOW, jitter=jitter) == again(60.0)


def test_no_list_is_one_try() -> None:
    """`retry = []`: the first failure is the last."""
    assert decide(FAILED, 1, (), now=NOW, jitter=1.0) == DEAD


@pytest.mark.parametrize("asked", ["0", "00", "Mon, 02 Mar 2026 08:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_no_delay_is_zero(asked: str) -> None:
    """A receiver that says "now" does not get all its tries in a blink."""
    for outcome in (FAILED, AttemptOutcome(500, retry_after=asked)):
        assert decide(outcome, 1, (0.0,), now=NOW, jitter=1.0) == again(1.0)
    assert decide(AttemptOutcome(503, retry_after=asked), 1, (0.0,), now=NOW, jitter=1.0) == again(1.0, counted=False)


@given(
    status=st.one_of(st.none(), st.integers(100, 599)),
    asked=st.one_of(st.none(), st.text(max_size=30), st.integers().map(str)),
    attempt=st.integers(1, 12),
    retry=st.lists(st.floats(0, DAY), max_size=10).map(tuple),
    jitter=st.floats(1 - JITTER, 1 + JITTER),
    next_probe=st.one_of(st.none(), st.floats(0, 60)),
)
def test_verdict_is_always_bounded(
    status: int | None,
    asked: str | None,
    attempt: int,
    retry: tuple[float, ...],
    jitter: float,
    next_probe: float | None,
) -> None:
    """G6: whatever a receiver says, it is done, dead, or tried again within 29 hours, never at once."""
    outcome = AttemptOutcome(status, retry_after=asked)
    verdict = decide(outcome, attempt, retry, now=NOW, jitter=jitter, next_probe=next_probe)
    if status is not None and 200 <= status <= 299:
        assert verdict == DONE
    elif verdict.state == "due":
        assert 1.0 <= verdict.delay <= 1.2 * DAY
        assert not verdict.counted or attempt <= len(retry)
    else:
        assert verdict == DEAD
        assert attempt > len(retry)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("86400", DAY),
        ("86401", DAY),
        ("9" * 400, DAY),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("²", None),
        ("soon", None),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30.0),
        ("Monday, 02-Mar-26 09:00:30 GMT", 30.0),
        ("Mon Mar  2 09:00:30 2026", 30.0),
        ("Mon, 02 Mar 2026 09:00:30", 30.0),
        ("Mon, 02 Mar 2026 09:00:30 -0000", 30.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("Sat, 02 Mar 2030 09:00:00 GMT", DAY),
        ("Mon, 32 Mar 2026 09:00:00 GMT", None),
        ("Mon, 02 Mar 99999 09:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(elsewhere: None, value: str | None, seconds: float | None) -> None:
    """RFC 9110: seconds, or a date in any of its three forms, always GMT; anything else says nothing."""
    assert elsewhere is None
    assert retry_after(value, NOW) == seconds


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that is not on GMT."""
    monkeypatch.setenv("TZ", "XXX-09")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@given(st.text(max_size=40))
def test_retry_after_never_raises(value: str) -> None:
    """A header is a stranger's word; it ends no worker."""
    asked = retry_after(value, NOW)
    assert asked is None or 0.0 <= asked <= DAY


def failed(breaker: Breaker, times: int, now: float = NOW) -> list[float]:
    """The waits of so many failures that are no probes."""
    return [breaker.record(accepted=False, probe=False, now=now) for _ in range(times)]


def test_five_failures_in_a_row_pause() -> None:
    """The fifth pauses; a success in between starts the count anew."""
    breaker = Breaker()
    assert failed(breaker, 4) == [0.0] * 4
    assert (breaker.open, breaker.room(4, NOW)) == (False, 4)
    breaker.record(accepted=True, probe=False, now=NOW)
    assert failed(breaker, 4) == [0.0] * 4
    assert not breaker.open
    assert failed(breaker, 1) == [2.0]
    assert (breaker.open, breaker.room(4, NOW)) == (True, 0)


def test_probes_get_rarer_up_to_a_minute() -> None:
    """One probe after 2, 5, 10, 20, 40, 60 s, then each 60 s."""
    breaker, now, waits = Breaker(), NOW, []
    waits.append(failed(breaker, 5)[-1])
    for _ in range(7):
        now += waits[-1]
        assert (breaker.room(4, now - 0.001), breaker.room(4, now)) == (0, 1)
        breaker.probing = True
        waits.append(breaker.record(accepted=False, probe=True, now=now))
    assert waits == [2, 5, 10, 20, 40, 60, 60, 60]


def test_one_probe_at_a_time() -> None:
    """While a probe is under way no other begins, and none without a free place."""
    breaker = Breaker()
    failed(breaker, 5)
    assert breaker.room(4, NOW + 2) == 1
    assert breaker.room(0, NOW + 2) == 0
    breaker.probing = True
    assert breaker.room(4, NOW + 1000) == 0


def test_success_resumes() -> None:
    """One accepted delivery, a probe or one that was under way, closes the breaker and forgets the failures."""
    for probe in (True, False):
        breaker = Breaker()
        failed(breaker, 5)
        breaker.probing = True
        assert breaker.record(accepted=True, probe=probe, now=NOW) == 0.0
        assert (breaker.open, breaker.probing, breaker.room(4, NOW)) == (False, False, 4)
        assert failed(breaker, 5)[-1] == 2.0


def test_failures_under_way_do_not_push_the_probe() -> None:
    """What was posted before the pause and fails after it says nothing new."""
    breaker = Breaker()
    failed(breaker, 5)
    assert failed(breaker, 20, NOW + 1.9) == [0.0] * 20
    assert breaker.room(4, NOW + 2) == 1
    breaker.probing = True
    failed(breaker, 1, NOW + 2)
    assert breaker.probing
    assert breaker.record(accepted=False, probe=True, now=NOW + 2) == 5.0


def test_probe_now_does_not_forget() -> None:
    """An operator may ask for a probe at once; if it fails too, the next one is as far away as it would have been."""
    breaker = Breaker()
    failed(breaker, 5)
    breaker.probing = True
    assert breaker.record(accepted=False, probe=True, now=NOW) == 5.0
    breaker.probe_now(NOW + 1)
    assert breaker.room(4, NOW + 1) == 1
    breaker.probing = True
    assert breaker.record(accepted=False, probe=True, now=NOW + 1) == 10.0
    breaker.probe_now(NOW + 30)
    assert breaker.room(4, NOW + 11) == 1  # it never puts a probe off


def said(status: int, retry_after: str | None = None) -> AttemptOutcome:
    """What a POST brought."""
    return AttemptOutcome(status, retry_after=retry_after)


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [
        (429, None, 1.0),
        (429, "0", 1.0),
        (429, "7", 7.0),
        (429, "86400", 60.0),
        (429, "rubbish", 1.0),
        (503, "0", 1.0),
        (503, "7", 7.0),
        (503, "Mon, 02 Mar 2026 09:00:07 GMT", 7.0),
        (503, "86400", 60.0),
    ],
)
def test_busy_target_gets_half_as_many_after_a_wait(status: int, asked: str | None, wait: float) -> None:
    """A second without a word, else as long as it asks for, a minute at most; then half as many at a time. An operator
    may end the wait, not the pace.
    """
    pace = ConcurrencyLimit(8)
    assert pace.record(said(status, asked), began=NOW, now=NOW, wall=NOW)
    assert (pace.room(0, NOW + wait - 0.001), pace.room(0, NOW + wait), pace.room(3, NOW + wait)) == (0, 4, 1)
    pace.wait_no_longer()
    assert pace.room(0, NOW) == 4


def test_429_of_what_was_under_way_counts_once() -> None:
    """Eight at a time that are refused together are one sign of too much; one that began later is another."""
    pace = ConcurrencyLimit(8)
    news = [pace.record(said(429), began=NOW, now=NOW + now, wall=NOW) for now in range(8)]
    assert news == [True] + [False] * 7
    assert pace.room(0, NOW + 100) == 4
    pace.record(said(429), began=NOW + 10, now=NOW + 11, wall=NOW)
    assert pace.room(0, NOW + 100) == 2
    for later in range(20, 30):
        pace.record(said(429), began=NOW + later, now=NOW + later, wall=NOW)
    assert pace.room(0, NOW + 100) == 1  # never none


def test_pace_comes_back_slowly() -> None:
    """Each accepted delivery adds a share of one; other failures are the breaker's business."""
    pace = ConcurrencyLimit(8)
    pace.record(said(429), began=NOW, now=NOW, wall=NOW)
    for status in (500, 503, 404):
        assert pace.record(said(status), began=NOW, now=NOW + 1, wall=NOW)
    assert pace.room(0, NOW + 2) == 4
    rooms = []
    for _ in range(40):
        pace.record(said(204), began=NOW + 2, now=NOW + 2, wall=NOW)
        rooms.append(pace.room(0, NOW + 2))
    assert (rooms[3], rooms[4], rooms[-1]) == (4, 5, 8)
    assert rooms == sorted(rooms)
