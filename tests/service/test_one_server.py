"""One server for one SQLite file, by whatever name and from whatever folder it is started."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import mounts, plivo_sdk, process, wire


@contextmanager
def _hard_link(file: Path, name: Path) -> Iterator[None]:
    name.hardlink_to(file)
    yield


@contextmanager
def _link(file: Path, name: Path) -> Iterator[None]:
    name.symlink_to(file)
    yield


@contextmanager
def _mount(file: Path, name: Path) -> Iterator[None]:
    name.touch()
    with mounts.bound(file, name):
        yield


@pytest.mark.parametrize("make", [_hard_link, _link, _mount])
def test_second_server_by_another_name(
    tmp_path: Path, make: Callable[[Path, Path], AbstractContextManager[None]]
) -> None:
    """A link in another folder, or a mount, is the same file: the second server ends with exit code 2, the first goes
    on.
    """
    (other := tmp_path / "other").mkdir()
    name = other / "renamed.db"
    (other / "config.toml").write_text(f'{process.MINIMAL}[store]\nurl = "sqlite:///{name}"\n')
    with process.served(tmp_path) as first, make(tmp_path / "autoreply.db", name):
        second = process.run("serve", "--port", "0", cwd=other)
        assert (second.returncode, "is served by another process" in second.stderr) == (2, True)
        assert wire.tell(first, wire.message())[0] == 200


def test_no_other_file_holds_the_store(tmp_path: Path) -> None:
    """Whatever lies beside the store may be removed, by a clean-up say: it stays the first server's."""
    with process.served(tmp_path) as first:
        beside = {file.name for file in tmp_path.glob("autoreply.db*")}
        assert beside == {"autoreply.db", "autoreply.db-wal", "autoreply.db-shm"}
        second = process.run("serve", "--port", "0", cwd=tmp_path)
        assert (second.returncode, "is served by another process" in second.stderr) == (2, True)
        assert wire.tell(first, wire.message())[0] == 200


@contextmanager
def _started(folder: Path, *arguments: str) -> Iterator[process.Served]:
    """`serve` from this folder, without $AUTOREPLY_DATA."""
    service = process.Served(folder, *arguments, more={"AUTOREPLY_DATA": ""})
    try:
        yield service
    finally:
        service.stop()


def _new(service: process.Served) -> list[dict[str, Any]]:
    return [line for line in service.lines() if line.get("event") == "new store"]


def test_the_store_lies_beside_the_config(tmp_path: Path) -> None:
    """Started from another folder, the server and the commands find the same store; no folder gets one of its own."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    config = str(tmp_path / "config.toml")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    stop = wire.message(Text="STOP")
    with _started(tmp_path / "one", "-c", config) as service:
        assert b"no more messages" in wire.tell(service, stop)[1]
        assert [line["store"] for line in _new(service)] == [str(tmp_path / "autoreply.db")]
    with _started(tmp_path / "two", "-c", config) as service:
        assert wire.answered(service, plivo_sdk.message(From=dict(stop)["From"])) is None
        assert _new(service) == []
    told = process.run("optout", "list", "-c", config, cwd=tmp_path / "two", AUTOREPLY_DATA="")
    assert f"+{dict(stop)['From']}" in told.stdout
    assert [file.name for name in ("one", "two") for file in (tmp_path / name).glob("*.db*")] == []


def test_new_store_is_announced(tmp_path: Path) -> None:
    """A first start, or a wrong folder: a warning with the path, before the first message is answered. Also after
    `migrate` has made it.
    """
    with process.served(tmp_path) as service:
        (line,) = _new(service)
        assert (line["level"], line["store"]) == ("warning", str(tmp_path / "autoreply.db"))
        assert "$AUTOREPLY_DATA" in line["advice"]
    (other := tmp_path / "other").mkdir()
    (other / "config.toml").write_text(process.MINIMAL)
    assert process.run("migrate", cwd=other).returncode == 0
    with process.served(other) as service:
        assert [line["store"] for line in _new(service)] == [str(other / "autoreply.db")]


def test_data_folder_that_is_missing(tmp_path: Path) -> None:
    """A volume that is not mounted: exit code 2 and its name, and no store anywhere."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    done = process.run("serve", "--port", "0", cwd=tmp_path, AUTOREPLY_DATA=str(tmp_path / "volume"))
    assert done.returncode == 2
    assert f"$AUTOREPLY_DATA is '{tmp_path / 'volume'}', and there is no such folder" in done.stderr
    assert list(tmp_path.rglob("*.db")) == []
