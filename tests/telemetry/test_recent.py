"""Events by minute: counted for an hour, then forgotten."""

from app.telemetry.recent import MINUTE, MINUTES, RecentCounts


class Clock:
    """The time of day, as the test sets it."""

    now = 1_000_020.0  # the beginning of a minute

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


def test_events_are_counted_by_minute_and_kind() -> None:
    """The beginning of the minute, the kind, and how many there were."""
    clock = Clock()
    recent = RecentCounts(clock)
    recent.count("forged")
    recent.count("forged")
    clock.now += 59
    recent.count("unsigned")
    clock.now += 1
    recent.count("forged")
    first = 1_000_020
    assert recent.by_minute() == [(first, "forged", 2), (first, "unsigned", 1), (first + MINUTE, "forged", 1)]


def test_events_are_forgotten_after_an_hour() -> None:
    """Also when nothing new has happened; and no more than an hour is kept."""
    clock = Clock()
    recent = RecentCounts(clock)
    for _ in range(2 * MINUTES):
        recent.count("forged")
        clock.now += MINUTE
    assert len(recent.by_minute()) == MINUTES - 1
    clock.now += MINUTE * MINUTES
    assert recent.by_minute() == []
