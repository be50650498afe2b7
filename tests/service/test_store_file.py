"""G5 from outside: the store's file is deleted, moved, replaced or overwritten while it is served.

From then on nobody hears 200 until the file is back; whatever was accepted is there after a restart with that file.
"""

import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from support import plivo_sdk, process, scrape, wire

T = TypeVar("T")
CONFIG = f'{process.MINIMAL}[admin]\nlisten = "127.0.0.1:0"\n'
SIGHT = 15.0  # seconds within which a fault or its end must be noticed; it is looked for once a second


@dataclass
class Store:
    """A served store, and what was accepted so far."""

    folder: Path
    service: process.Served
    answers: list[tuple[plivo_sdk.Pairs, bytes]] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / "autoreply.db"

    def accept(self) -> None:
        """A message and a report that must not be lost."""
        message, report = wire.message(), plivo_sdk.report()
        status, xml = wire.tell(self.service, message)
        assert status == 200
        assert wire.tell(self.service, report, "/report")[0] == 200
        self.answers.append((message, xml))
        self.reports.append(dict(report)["MessageUUID"])

    def refuses(self) -> None:
        """Neither endpoint says 200, whether to something new or to a repeat."""
        assert wire.tell(self.service, wire.message())[0] == 503
        assert wire.tell(self.service, plivo_sdk.report(), "/report")[0] == 503
        for message, _ in self.answers:
            assert wire.tell(self.service, message)[0] == 503

    def fault(self) -> str:
        """The one critical line, which /ready repeats; the process lives, and waits to be helped."""
        (line,) = _until(lambda: [line for line in self.service.lines() if line.get("level") == "critical"])
        status, body = scrape.get(self.service, "/ready")
        assert (status, self.service.get("/ready")[0], self.service.get("/health")[0]) == (503, 503, 200)
        told = json.loads(body)
        assert told["trouble"][0] == f"{told['store']['fault']}; messages and reports get 503"
        fault = told["store"]["fault"].removeprefix("the store cannot write: ")
        assert str(line["reason"]).endswith(fault[-40:])  # a long value is cut in the middle
        return str(fault)

    def holds_all(self) -> None:
        """Every answer is given again, byte for byte, and every report is in the store."""
        for message, xml in self.answers:
            assert wire.tell(self.service, message) == (200, xml)
        with closing(sqlite3.connect(self.path)) as file:
            found = {uuid for (uuid,) in file.execute("SELECT message_uuid FROM reports")}
        assert set(self.reports) - found == set()


@contextmanager
def _store(folder: Path) -> Iterator[Store]:
    with process.served(folder, CONFIG) as service:
        store = Store(folder, service)
        store.accept()
        yield store


@contextmanager
def _restarted(store: Store) -> Iterator[Store]:
    with process.served(store.folder, CONFIG) as service:
        yield Store(store.folder, service, store.answers, store.reports)


def _until(look: Callable[[], T]) -> T:
    """What it finds, once that is true."""
    until = time.monotonic() + SIGHT
    while not (found := look()):
        assert time.monotonic() < until
        threading.Event().wait(0.02)
    return found


def test_deleted_file(tmp_path: Path) -> None:
    """Deleted: 503 at once, also without a look in between, one critical line, /ready says why."""
    with _store(tmp_path) as store:
        store.path.unlink()
        store.refuses()
        assert store.fault().startswith(f"{store.path} was deleted or moved away while it was open; put the same")
        store.refuses()


def test_moved_away_and_back(tmp_path: Path) -> None:
    """Moved away, 503; moved back, all goes on; after a kill every accepted message and report is there."""
    with _store(tmp_path) as store:
        away = store.path.rename(tmp_path / "away.db")
        store.refuses()
        assert "was deleted or moved away" in store.fault()
        away.rename(store.path)
        store.accept()
        store.service.wait_for("the store can write again: the file is back", 1, SIGHT)
        _until(lambda: store.service.get("/ready")[0] == 200)  # its last look may be a second old
        store.service.kill()
        with _restarted(store) as again:
            again.holds_all()


def test_moved_away_without_its_log(tmp_path: Path) -> None:
    """A file that was moved away without its -wal is complete by itself, soon after that was noticed."""
    with _store(tmp_path) as store:
        away = store.path.rename(tmp_path / "away.db")
        store.fault()
        _end(store.service, killed=True)
    (other := tmp_path / "other").mkdir()
    away.rename(other / "autoreply.db")
    with _restarted(Store(other, store.service, store.answers, store.reports)) as again:
        again.holds_all()


@pytest.mark.parametrize("killed", [False, True])
def test_backup_put_in_place(tmp_path: Path, *, killed: bool) -> None:
    """A backup that is moved over the served file: 503 until a restart, which serves the backup, unspoilt by the old
    file's log.
    """
    with _store(tmp_path) as store:
        assert process.run("backup", "copy.db", cwd=tmp_path).returncode == 0
        for _ in range(20):
            wire.tell(store.service, wire.message())
        (tmp_path / "copy.db").replace(store.path)
        store.refuses()
        assert store.fault().startswith(f"{store.path} was replaced while it was open; put the same file back, or")
        _end(store.service, killed=killed)
    with _restarted(store) as again:
        again.holds_all()
        again.accept()
        again.service.kill()
    with _restarted(again) as third:
        third.holds_all()


def test_backup_copied_over(tmp_path: Path) -> None:
    """A backup that is copied into the open file (the same inode) is noticed: 503, and it stays so."""
    with _store(tmp_path) as store:
        assert process.run("backup", "copy.db", cwd=tmp_path).returncode == 0
        shutil.copyfile(tmp_path / "copy.db", store.path)
        store.refuses()
        assert "was overwritten while it was open; restore a backup with the server stopped" in store.fault()
        store.refuses()


@pytest.mark.parametrize(("suffix", "killed"), [("-wal", False), ("-wal", True), ("-shm", True)])
def test_deleted_companion(tmp_path: Path, suffix: str, *, killed: bool) -> None:
    """The write-ahead log or the shared memory is deleted: 503; a restart, or a kill, has all that was accepted."""
    with _store(tmp_path) as store:
        (tmp_path / f"autoreply.db{suffix}").unlink()
        store.refuses()
        assert store.fault().startswith(f"{store.path}{suffix} was deleted or moved away while it was open; restart")
        _end(store.service, killed=killed)
    with _restarted(store) as again:
        again.holds_all()


def test_link_that_points_elsewhere(tmp_path: Path) -> None:
    """Behind a link, the file that the link names counts; its companions lie beside that."""
    (real := tmp_path / "disk").mkdir()
    (other := tmp_path / "other.db").touch()
    (tmp_path / "autoreply.db").symlink_to(real / "autoreply.db")
    with _store(tmp_path) as store:
        assert {file.name for file in real.iterdir()} >= {"autoreply.db", "autoreply.db-wal", "autoreply.db-shm"}
        store.path.unlink()
        store.path.symlink_to(other)
        store.refuses()
        assert "was replaced while it was open" in store.fault()
        store.path.unlink()
        store.path.symlink_to(real / "autoreply.db")
        store.accept()


def test_deleted_amid_traffic(tmp_path: Path) -> None:
    """While reports come in, the file moves away and back, ten times; a kill then loses none that heard 200."""
    stop = threading.Event()
    with _store(tmp_path) as store:

        def call() -> None:
            while not stop.is_set():
                report = plivo_sdk.report()
                if wire.tell(store.service, report, "/report")[0] == 200:
                    store.reports.append(dict(report)["MessageUUID"])

        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        for _ in range(10):
            known = len(store.reports)
            away = store.path.rename(tmp_path / "away.db")
            stop.wait(0.05)
            away.rename(store.path)
            _until(lambda known=known: len(store.reports) > known)  # type: ignore[misc]
        away = store.path.rename(tmp_path / "away.db")
        late = len(store.reports)
        stop.wait(0.3)
        stop.set()
        for caller in callers:
            caller.join()
        assert len(store.reports) <= late + len(callers)  # what had been committed when the file moved
        away.rename(store.path)
        store.service.kill()
        store.answers.clear()  # this is about the reports
        store.holds_all()


def _end(service: process.Served, *, killed: bool) -> None:
    if killed:
        log = service.folder / "autoreply.db-wal"
        _until(lambda: not (log.exists() and log.stat().st_size))  # it is emptied once the fault is noticed
        service.kill()
    else:
        assert service.stop() == 0
