"""The free-disk reserve: reports are refused before the disk is full (G7), loudly, until there is room again.

The disk is a value that the test sets; the clock stands still until it is told to go on.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from support.logs import capture_logs
from support.stored import Clock

from app.store.disk import DEFAULT, DiskFull, Reserve, Space, measuring

MIB = 1 << 20
BIG = 1 << 40


@dataclass
class Disk:
    """A filesystem, and how often it was measured."""

    free: int = BIG
    total: int = BIG
    broken: bool = False
    looks: int = 0

    def __call__(self) -> Space:
        """One look."""
        self.looks += 1
        if self.broken:
            raise OSError(5, "Input/output error")
        return Space(self.free, self.total)


def refuses(reserve: Reserve) -> bool:
    """Whether a report would be turned away."""
    try:
        reserve.require()
    except DiskFull:
        return True
    return False


@pytest.mark.parametrize(
    ("said", "free", "total", "refused"),
    [
        (None, 256 * MIB, BIG, False),
        (None, 256 * MIB - 1, BIG, True),
        (None, 200 * MIB, 1000 * MIB, False),  # a small disk: a tenth of it is enough
        (None, 100 * MIB, 1000 * MIB, False),
        (None, 100 * MIB - 1, 1000 * MIB, True),
        (None, 8 * MIB, 64 * MIB, False),
        (10 * MIB, 10 * MIB, 20 * MIB, False),  # what the file says is kept to, on a small disk too
        (10 * MIB, 10 * MIB - 1, 20 * MIB, True),
        (0, 0, BIG, False),
    ],
)
def test_less_than_the_reserve_refuses(said: int | None, free: int, total: int, *, refused: bool) -> None:
    """Below the reserve reports are refused; the default is 256 MiB, or a tenth of a smaller filesystem."""
    assert DEFAULT == 256 * MIB
    assert refuses(Reserve(said, Disk(free, total), Clock())) is refused


def test_the_disk_is_measured_once_a_second() -> None:
    """A flood of reports costs one look a second; the last look holds meanwhile."""
    disk, clock = Disk(), Clock()
    reserve = Reserve(None, disk, clock)
    for _ in range(1000):
        assert not refuses(reserve)
    assert disk.looks == 1
    disk.free = 0
    clock.advance(0.9)
    assert not refuses(reserve)
    clock.advance(0.2)
    assert refuses(reserve)
    assert disk.looks == 2


def test_it_is_told_at_once_each_minute_and_when_it_is_over() -> None:
    """An error line when it begins and once a minute, with both figures; one more when there is room again."""
    disk, clock = Disk(), Clock()
    reserve = Reserve(100 * MIB, disk, clock)
    reserve.look()
    disk.free = 40 * MIB
    with capture_logs() as lines:
        for _ in range(130):
            clock.advance(1)
            assert refuses(reserve)
    assert [line["log_level"] for line in lines] == ["error"] * 3  # after 0, 60 and 120 s
    assert (lines[0]["free"], lines[0]["reserve"]) == ("40 MiB", "100 MiB")
    disk.free = BIG
    clock.advance(1)
    with capture_logs() as lines:
        assert not refuses(reserve)
    (line,) = lines
    assert (line["log_level"], "accepted again" in line["event"]) == ("warning", True)


def test_a_line_that_is_just_reached_does_not_flap() -> None:
    """There is room again at 110 % of the reserve, not at the first byte."""
    disk, clock = Disk(free=99 * MIB), Clock()
    reserve = Reserve(100 * MIB, disk, clock)
    steps = ((99, True), (101, True), (99, True), (109, True), (111, False), (101, False), (99, True))
    with capture_logs() as lines:
        for free, refused in steps:
            disk.free = free * MIB
            clock.advance(1.1)
            assert refuses(reserve) is refused
    assert len(lines) == 3


def test_a_disk_that_cannot_be_measured_refuses_nothing() -> None:
    """The store itself will say what is wrong with it."""
    disk, clock = Disk(free=0), Clock()
    reserve = Reserve(None, disk, clock)
    assert refuses(reserve)
    disk.broken = True
    clock.advance(2)
    assert not refuses(reserve)
    assert reserve.look() is None


def test_the_real_disk_is_measured(tmp_path: Path) -> None:
    """statvfs of the store's folder, in bytes; the file need not be there."""
    space = measuring(tmp_path / "autoreply.db")()
    assert 0 < space.free <= space.total
