"""G5 from outside: a store that cannot grow. Nobody hears 200 for what is not on disk, and nothing is lost."""

import ctypes
import ctypes.util
import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import plivo_sdk, process, receiver, wire

SIZE = 4 * 1024 * 1024  # bytes of the small disk
AT_MOST = 400  # reports that a full store may still find room for, in pages that are begun
BIG = "x" * 4_000  # a field that Plivo may send, so that pages fill soon


@dataclass(frozen=True)
class Disk:
    """How to leave no room, and how to give it back."""

    fill: Callable[[process.Served], None]
    free: Callable[[process.Served], None]


@contextmanager
def _small_disk(folder: Path) -> Iterator[Disk]:
    """A file system of a few megabytes: ENOSPC, as operators know it. Only root may mount one."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    if libc.mount(b"none", bytes(folder), b"tmpfs", 0, f"size={SIZE}".encode()) != 0:
        pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
    ballast = folder / "ballast"

    def fill(_service: process.Served) -> None:
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4_096)
            except OSError:
                pass

    try:
        yield Disk(fill, lambda _service: ballast.unlink())
    finally:
        libc.umount2(bytes(folder), 2)  # MNT_DETACH


@contextmanager
def _small_files(folder: Path) -> Iterator[Disk]:
    """A process that may not write beyond the largest file that it has: EFBIG, for everybody who is not root too."""

    def fill(service: process.Served) -> None:
        largest = max(file.stat().st_size for file in folder.glob("autoreply.db*"))
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(service: process.Served) -> None:
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    yield Disk(fill, free)


@pytest.mark.parametrize("disk", [_small_disk, _small_files])
def test_a_full_disk_loses_nothing(tmp_path: Path, disk: Callable[[Path], AbstractContextManager[Disk]]) -> None:
    """503 on both endpoints, /ready 503, /health 200; with room again all is as before, and each 200 was kept."""
    data = tmp_path / "data"
    data.mkdir()
    with receiver.receiving() as crm, disk(data) as room:
        config = f'{process.MINIMAL}\n[store]\nurl = "sqlite:///{data}/autoreply.db"\n[targets.crm]\nurl = "{crm.url}"'
        with process.served(tmp_path, config) as service:
            answered = wire.message()
            first = wire.tell(service, answered)
            kept = [_told(service)]
            room.fill(service)
            refused = _report()
            for _ in range(AT_MOST):
                refused = _report()
                status, _ = wire.tell(service, refused, "/report")
                if status != 200:
                    break
                kept.append(dict(refused)["MessageUUID"])
            assert status == 503
            unanswered = wire.message()
            assert wire.tell(service, unanswered)[0] == 503
            assert service.get("/health")[0] == 200
            _until(lambda: service.get("/ready")[0] == 503)
            room.free(service)
            _until(lambda: service.get("/ready")[0] == 200)
            assert wire.tell(service, refused, "/report")[0] == 200  # as Plivo calls again
            assert wire.tell(service, unanswered)[0] == 200
            assert wire.tell(service, answered) == first
            kept += [dict(refused)["MessageUUID"], _told(service)]
            crm.wait_for(lambda received: len({one.headers["webhook-id"] for one in received}) == len(kept))
        bodies = b"\n".join(one.body for one in crm.received)
    assert [uuid for uuid in kept if f'"message_uuid": "{uuid}"'.encode() not in bodies] == []


def _report() -> list[tuple[str, str]]:
    return plivo_sdk.report(Field=BIG)


def _told(service: process.Served) -> str:
    report = _report()
    assert wire.tell(service, report, "/report")[0] == 200
    return dict(report)["MessageUUID"]


def _until(so: Callable[[], bool]) -> None:
    """/ready is asked of the store once a second."""
    for _ in range(200):
        if so():
            return
        threading.Event().wait(0.05)
    raise AssertionError
