"""The free-disk reserve of a SQLite store: reports are refused before the disk is full, messages are answered.

Plivo sends a refused report up to four times. A full disk would stop the replies as well (G7). The disk of a PostgreSQL
server is on another machine, so it has no reserve.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.plivo.refusals import Unavailable
from app.telemetry import get_logger

log = get_logger("store")

DEFAULT = 256 << 20  # bytes; the write-ahead log of a busy store, and the sweep, need some of it
SHARE = 10  # by default at most a tenth of the filesystem: a small disk must not refuse everything
AGAIN = 1.1  # times the reserve: there is room again, so that a line that is just reached does not flap
MEASURED_FOR = 1.0  # seconds
LOOK = 10.0  # seconds; each report looks, too
REMIND = 60.0  # seconds between two error lines


class DiskFull(Unavailable):
    """The refusal of a report while less than the reserve is free."""

    label = "disk"


@dataclass(frozen=True, slots=True)
class Space:
    """The size of a filesystem in bytes. `free` is what this user may fill."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Room:
    """The free space and the reserve in bytes, and whether there is enough."""

    free: int
    reserve: int
    enough: bool


Measure = Callable[[], Space]


def measuring(path: Path) -> Measure:
    """Return a function that measures the filesystem of this file. It raises `OSError`."""

    def measure() -> Space:
        found = os.statvfs(path.parent)
        return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    return measure


def reserve_of(configured: int | None, space: Space) -> int:
    """Return the bytes that stay free; None configures the default."""
    return min(DEFAULT, space.total // SHARE) if configured is None else configured


class Reserve:
    """The watch over one disk. `configured` is the reserve in bytes: 0 refuses nothing, None is the default."""

    def __init__(self, configured: int | None, measure: Measure, clock: Callable[[], float] = time.monotonic) -> None:
        self._configured = configured
        self._measure = measure
        self._clock = clock
        self._room: Room | None = None
        self._measured = self._told = float("-inf")

    def require(self) -> None:
        """Raise `DiskFull` if there is too little space. If the disk cannot be measured, nothing is refused."""
        room = self.look()
        if room and not room.enough:
            message = f"{mib(room.free)} free on the store's disk, less than [store] reserve, {mib(room.reserve)}"
            raise DiskFull(message)

    def look(self) -> Room | None:
        """Return what was measured at most a second ago. Log each change, and every minute while there is too little
        space.
        """
        now = self._clock()
        if now - self._measured >= MEASURED_FOR:
            self._measured = now
            try:
                space = self._measure()
            except OSError:
                self._room = None
            else:
                self._judge(space, now)
        return self._room

    async def watch(self) -> None:
        """Measure from time to time, so that a full disk is logged before the next report arrives. Never returns."""
        while True:
            self.look()
            await asyncio.sleep(LOOK)

    def _judge(self, space: Space, now: float) -> None:
        reserve = reserve_of(self._configured, space)
        was_short = self._room is not None and not self._room.enough
        room = Room(space.free, reserve, space.free >= reserve * (AGAIN if was_short else 1))
        if not room.enough and (not was_short or now - self._told >= REMIND):
            self._told = now
            what = "the disk is nearly full: reports are refused, messages are answered"
            log.error(what, free=mib(room.free), reserve=mib(reserve))
        if room.enough and was_short:
            log.warning("disk space recovered: reports are accepted again", free=mib(room.free))
        self._room = room


def mib(size: int) -> str:
    """Write bytes for people."""
    return f"{size / (1 << 20):.0f} MiB"
