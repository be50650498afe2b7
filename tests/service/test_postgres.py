"""A PostgreSQL that comes and goes under a service that stays."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest
from support import plivo_sdk, postgres, process, proxy, receiver, wire
from support.postgres import Own
from support.process import MINIMAL, Served

PLIVO_HANGS_UP = 8.0  # seconds; the deadline here is 2
PASSWORD = "not-for-any-log"


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    """A server that a test may stop."""
    with postgres.owned() as server:
        yield server


def _config(url: str, more: str = "") -> str:
    quick = MINIMAL.replace("[plivo]", 'deadline = "2s"\n[plivo]')
    return f'{quick}\n[store]\nurl = "{url}"\n{more}'


def _until_answered(service: Served, seconds: float = 60.0) -> None:
    """Plivo calls again; here sooner than after 60 s."""
    deadline = time.monotonic() + seconds
    while wire.tell(service, wire.message())[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)  # polling a service, not waiting for luck


def _until_ready(service: Served) -> None:
    deadline = time.monotonic() + 60
    while service.get("/ready")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)  # likewise


async def test_a_restart_of_the_server_needs_none_of_ours(own: Own, tmp_path: Path) -> None:
    """While it is away: 503 in time, healthy, not ready. Then all goes on by itself, with what was stored before."""
    up: list[bool] = []
    async with postgres.database(own.url, "template1") as where:
        with receiver.receiving(lambda _report: 204 if up else 503) as crm:
            more = f'[targets.crm]\nurl = "{crm.url}"\nretry = ["1s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]\n'
            with process.served(tmp_path, _config(postgres.written(where), more)) as service:
                message = plivo_sdk.message(MessageUUID="before-the-restart")
                first = wire.tell(service, message)
                assert wire.tell(service, plivo_sdk.report(MessageUUID="kept"), "/report")[0] == 200
                crm.wait_for(lambda got: len(got) == 1)
                own.stop()
                started = time.monotonic()
                with ThreadPoolExecutor(2) as pool:
                    calls = [pool.submit(wire.tell, service, wire.message())]
                    calls.append(pool.submit(wire.tell, service, plivo_sdk.report(), "/report"))
                    assert [call.result()[0] for call in calls] == [503, 503]
                assert time.monotonic() - started < PLIVO_HANGS_UP
                assert (service.get("/health")[0], service.get("/ready")[0]) == (200, 503)
                own.start()
                up.append(True)
                _until_answered(service)
                assert wire.tell(service, message) == first
                got = crm.wait_for(lambda got: len(got) > 1)
                assert len({one.headers["webhook-id"] for one in got}) == 1
                _until_ready(service)  # it holds what it has found for a second
                assert service.stop() == 0


async def test_a_server_that_hangs_is_503_in_time(own: Own, tmp_path: Path) -> None:
    """G4 and G5: it takes connections and says nothing; both endpoints answer by the deadline, and recover."""
    async with postgres.database(own.url, "template1") as where:
        with proxy.before(postgres.written(where)) as door:
            url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{door.port}/{where.database}"
            with process.served(tmp_path, _config(url)) as service:
                assert wire.tell(service, wire.message())[0] == 200
                door.stall()
                started = time.monotonic()
                with ThreadPoolExecutor(2) as pool:
                    calls = [pool.submit(wire.tell, service, wire.message())]
                    calls.append(pool.submit(wire.tell, service, plivo_sdk.report(), "/report"))
                    assert [call.result()[0] for call in calls] == [503, 503]
                assert time.monotonic() - started < PLIVO_HANGS_UP
                assert (service.get("/health")[0], service.get("/ready")[0]) == (200, 503)
                door.go_on()
                _until_answered(service)
                assert service.stop() == 0
                assert PASSWORD not in service.text()


@pytest.mark.parametrize("command", ["serve", "migrate", "history 1"])
def test_a_server_that_is_away_at_the_start_is_told(tmp_path: Path, command: str) -> None:
    """A sentence, exit code 2 and no password; whoever supervises the process starts it again."""
    (tmp_path / "password").write_text(f"postgresql://user:{PASSWORD}@127.0.0.1:1/replies\n")
    (tmp_path / "config.toml").write_text(f'{MINIMAL}\n[store]\nurl = {{ file = "{tmp_path}/password" }}\n')
    done = process.run(*command.split(), cwd=tmp_path)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert "postgresql://user:***@127.0.0.1:1/replies: " in said
    assert "check that the server is running" in said
    assert PASSWORD not in said
    assert "Traceback" not in said
    assert PASSWORD not in process.run("check", cwd=tmp_path).stdout


async def test_three_that_start_at_once_migrate_once(own: Own, tmp_path: Path) -> None:
    """An empty database, three replicas: each waits for the migration of the first, and all serve."""
    async with postgres.database(own.url, "template1") as where:
        folders = [tmp_path / name for name in ("one", "two", "three")]
        for folder in folders:
            folder.mkdir()
        with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
            config = _config(postgres.written(where))
            starting = [pool.submit(stack.enter_context, process.served(folder, config)) for folder in folders]
            for service in [one.result() for one in starting]:
                assert wire.tell(service, wire.message())[0] == 200
            connection = await asyncpg.connect(postgres.written(where))
            assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
            assert await connection.fetchval("SELECT count(*) FROM messages") == 3
            await connection.close()
