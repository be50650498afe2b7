"""Mounts, for whoever may make them; a test that may not is skipped."""

import ctypes
import ctypes.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096  # linux/mount.h
MNT_DETACH = 2  # sys/mount.h
_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)


@contextmanager
def bound(source: Path, place: Path, *, read_only: bool = False) -> Iterator[None]:
    """The same file or folder at a second place, as a container has it."""
    _mount(source, place, MS_BIND)
    try:
        if read_only:
            _mount(source, place, MS_BIND | MS_REMOUNT | MS_RDONLY)
        yield
    finally:
        _libc.umount2(bytes(place), MNT_DETACH)


def _mount(source: Path, place: Path, flags: int) -> None:
    if _libc.mount(bytes(source), bytes(place), None, flags, None) != 0:
        pytest.skip(f"nothing can be mounted here: {os.strerror(ctypes.get_errno())}")
