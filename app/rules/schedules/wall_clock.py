"""Convert times of a wall clock to moments, also where it is put forward or back."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, groupby
from zoneinfo import ZoneInfo


def moments(walls: Iterable[datetime], zone: ZoneInfo) -> Iterator[float]:
    """Yield the moments at which the clock of a zone shows these times, in order (seconds since the epoch).

    A time that the clock skips stands for the end of the gap. A time that it shows twice stands for both moments, and
    for the moment at which the clock is put back.
    """
    shown = (_moments(wall, zone) for wall in walls)
    for twice, group in groupby(shown, key=lambda found: len(found) > 1):
        found = chain.from_iterable(group)
        yield from sorted(found) if twice else found


def _moments(wall: datetime, zone: ZoneInfo) -> tuple[float, ...]:
    first, second = (wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if first == second:
        return (first,)
    jump = _jump(min(first, second), max(first, second), zone)
    return (first, jump, second) if first < second else (jump,)


def _jump(before: float, after: float, zone: ZoneInfo) -> float:
    """Return the second at which the UTC offset changes, after `before` and up to `after`."""
    offset = datetime.fromtimestamp(before, zone).utcoffset()
    seconds = range(int(before), int(after) + 1)
    found = bisect_left(seconds, True, key=lambda second: datetime.fromtimestamp(second, zone).utcoffset() != offset)
    return float(seconds[found])
