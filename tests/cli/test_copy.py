"""`copy`: a service moves from SQLite to PostgreSQL, and nobody outside sees it."""

from pathlib import Path

import pytest
from support import plivo_sdk, postgres, process, receiver, wire
from support.command import Shell
from support.process import MINIMAL
from support.receiver import Received

OLD = "autoreply.db"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Commands in this process."""
    return Shell(tmp_path, monkeypatch, capsys)


async def test_nobody_outside_sees_the_move(server: str, tmp_path: Path) -> None:
    """A repeat of an old message gets the same bytes, an opt-out holds, a report that was due is delivered."""
    up: list[bool] = []

    def answer(_report: Received) -> int:
        return 204 if up else 503

    message, leaver = plivo_sdk.message(MessageUUID="before-the-move"), wire.sender()
    async with postgres.database(server, "template1") as where:
        with receiver.receiving(answer) as crm:
            config = f'{MINIMAL}\n[targets.crm]\nurl = "{crm.url}"\nretry = ["1s", "1s", "1s", "1s"]\n'
            with process.served(tmp_path, config) as service:
                first = wire.tell(service, message)
                assert wire.tell(service, wire.message(From=leaver, Text="STOP"))[0] == 200
                assert wire.tell(service, plivo_sdk.report(), "/report/before-the-move")[0] == 200
                crm.wait_for(lambda got: len(got) > 0)
            up.append(True)
            moved = f'{config}\n[store]\nurl = "{postgres.written(where)}"\n'
            (tmp_path / "config.toml").write_text(moved)
            done = process.run("copy", OLD, cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, "")
            assert "         2  messages\n" in done.stdout
            (tmp_path / OLD).unlink()
            with process.served(tmp_path, moved, "--no-migrate") as service:
                assert wire.tell(service, message) == first
                assert wire.answered(service, wire.message(From=leaver)) is None
                assert wire.tell(service, plivo_sdk.report(), "/report/before-the-move")[0] == 200
                got = crm.wait_for(lambda got: len({one.headers["webhook-id"] for one in got}) == 2 and len(got) > 2)
            assert got[0].headers["webhook-id"] in {one.headers["webhook-id"] for one in got[1:]}
        told = process.run("history", "before-the-move", cwd=tmp_path)
        assert (told.returncode, "Thanks, we got your message." in told.stdout) == (0, True)


def test_copy_waits_for_no_server(server: str, tmp_path: Path) -> None:
    """A running server goes on undisturbed; the operator hears what to do."""
    with process.served(tmp_path) as service:
        (tmp_path / "config.toml").write_text(f'{MINIMAL}\n[store]\nurl = "{server}"\n')
        done = process.run("copy", OLD, cwd=tmp_path)
        assert (done.returncode, "stop the server first" in done.stderr) == (2, True)
        assert wire.tell(service, wire.message())[0] == 200


def test_what_cannot_be_copied_is_told(shell: Shell) -> None:
    """A mistake is a sentence and exit code 2; it makes no file."""
    (shell.folder / "config.toml").write_text(MINIMAL)
    mistakes = (
        ("missing.db", "there is no store at"),
        ("config.toml", "the file is not a SQLite database"),
        ("mysql://user:secret@host/db", "write postgresql://user@host/database; or give the path of a SQLite file"),
    )
    for old, said in mistakes:
        done = shell("copy", old)
        assert (done.code, done.out, said in done.err) == (2, "", True), done.err
        assert "secret" not in done.err
        assert not (shell.folder / OLD).exists()
