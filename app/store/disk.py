"""The free-disk reserve of an embedded store: reports are refused before the disk is full, replies are not.

A report that is refused with 503 comes again, Plivo calls up to four times; a full disk would silence the replies too
(G7). Only SQLite has one: the disk of a PostgreSQL is somewhere else.
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
    """Less than the reserve is free."""

    label = "disk"


@dataclass(frozen=True, slots=True)
class Space:
    """Of a filesystem, in bytes; `free` is what this user may fill."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Room:
    """What was found."""

    free: int
    reserve: int
    enough: bool


Measure = Callable[[], Space]


def measuring(path: Path) -> Measure:
    """Measures where this file is. Raises `OSError`."""

    def measure() -> Space:
        found = os.statvfs(path.parent)
        return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)

    return measure


def reserve_of(configured: int | None, space: Space) -> int:
    """Return the bytes that stay free; None configures the default."""
    return min(DEFAULT, space.total // SHARE) if configured is None else configured


class Reserve:
    """Watches one disk. `configured` is what the file says, in bytes; 0: nothing is refused; None: the default."""

    def __init__(self, configured: int | None, measure: Measure, clock: Callable[[], float] = time.monotonic) -> None:
        self._configured = configured
        self._measure = measure
        self._clock = clock
        self._room: Room | None = None
        self._measured = self._told = float("-inf")

    def require(self) -> None:
        """Raises `DiskFull`. What cannot be measured is no reason to refuse: the store will say so itself."""
        room = self.look()
        if room and not room.enough:
            message = f"{mib(room.free)} free on the store's disk, less than [store] reserve, {mib(room.reserve)}"
            raise DiskFull(message)

    def look(self) -> Room | None:
        """Measured at most a second ago. Tells the log when it changes, and each minute while there is too little."""
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
        """Look from time to time, so that it is told before the next report comes. Never returns."""
        while True:
            self.look()
            await asyncio.sleep(LOOK)

    def _judge(self, space: Space, now: float) -> None:
        reserve = reserve_of(self._configured, space)
        was_short = self._room is not None and not self._room.enough
        room = Room(space.free, reserve, space.free >= reserve * (AGAIN if was_short else 1))
        if not room.enough and (not was_short or now - self._told >= REMIND):
            self._told = now
            what = "the disk is nearly full: reports are refused, replies are not"
            log.error(what, free=mib(room.free), reserve=mib(reserve))
        if room.enough and was_short:
            log.warning("the disk has room again, reports are taken", free=mib(room.free))
        self._room = room


def mib(size: int) -> str:
    """Write bytes for people."""
    return f"{size / (1 << 20):.0f} MiB"
