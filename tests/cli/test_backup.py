"""`backup`: one moment of the store, while a server goes on writing."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import plivo_sdk, process, wire
from support.command import Shell
from support.process import MINIMAL


def test_backup_of_a_running_server_is_a_store(tmp_path: Path) -> None:
    """Messages go on being answered; the copy opens, and `history` reads from it what had been answered before."""
    with process.served(tmp_path) as service, ThreadPoolExecutor(4) as pool:
        first = plivo_sdk.message(MessageUUID="before-the-backup")
        assert wire.tell(service, first)[0] == 200
        going_on = [pool.submit(wire.tell, service, plivo_sdk.message(From=f"3370000{n:04d}")) for n in range(100)]
        done = process.run("backup", "copy.db", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
        assert {answer.result()[0] for answer in going_on} == {200}
    (tmp_path / "restored").mkdir()
    (tmp_path / "copy.db").rename(tmp_path / "restored" / "autoreply.db")
    told = process.run("history", "before-the-backup", cwd=tmp_path, AUTOREPLY_DATA=str(tmp_path / "restored"))
    assert (told.returncode, "Thanks, we got your message." in told.stdout) == (0, True)


def test_backup_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    with process.served(tmp_path):
        pass
    (tmp_path / "copy.db").write_text("precious")
    done = process.run("backup", "copy.db", cwd=tmp_path)
    assert (done.returncode, "there already" in done.stderr) == (2, True)
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_backup_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first start there is nothing to copy, and no file is left behind."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    done = Shell(tmp_path, monkeypatch, capsys)("backup", "copy.db")
    assert (done.code, "no store" in done.err, (tmp_path / "copy.db").exists()) == (2, True, False)
