"""Two processes on one PostgreSQL are one service (G2, G3, 6)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support import plivo_sdk, postgres, process, receiver
from support.process import Served
from support.receiver import Receiver
from support.stored import DAY, arrival, claim

from app.replies.journal import Claimed, Held
from app.settings import StoreSettings
from app.store import open_store

PUBLIC = "https://sms.example.com"
REPORTS = 200


@pytest.fixture(scope="module")
def where(server: str) -> Iterator[str]:
    """The database of both."""
    with postgres.made(server) as url:
        yield url


@pytest.fixture(scope="module")
def replicas(where: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served, Receiver]]:
    """Two of them, with one receiver of reports."""
    with receiver.receiving() as crm:
        target = f'[targets.crm]\nurl = "{crm.url}"\nconcurrency = 16\n'
        config = f'{process.MINIMAL}\n[store]\nurl = "{where}"\n{target}'
        folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
        with (
            process.served(folders[0], config) as one,
            process.served(folders[1], config, command=process.COMMAND) as other,
        ):
            yield one, other, crm


def _tell(
    service: Served, path: str, params: plivo_sdk.Pairs, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    return process.call(service, "POST", path, params, headers or plivo_sdk.headers("POST", PUBLIC + path, params))


def test_copies_at_both_get_one_answer(replicas: tuple[Served, Served, Receiver]) -> None:
    """G3: forty copies at once, half of them at each replica, hear the same bytes."""
    message = plivo_sdk.message(MessageUUID="at-both")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: _tell(replicas[number % 2], "/message", message), range(40)))  # type: ignore[arg-type]
    assert {status for status, _ in answers} == {200}
    assert len({xml for _, xml in answers}) == 1


def test_a_signature_is_bound_at_both(replicas: tuple[Served, Served, Receiver]) -> None:
    """G2: what one replica accepted, the other refuses for other words."""
    one, other, _ = replicas
    message = plivo_sdk.message(Text="first")
    headers = plivo_sdk.headers("POST", f"{PUBLIC}/message", message, "V2")
    assert _tell(one, "/message", message, headers)[0] == 200
    assert _tell(other, "/message", plivo_sdk.message(Text="other words"), headers)[0] == 403


def test_no_report_is_forwarded_twice(replicas: tuple[Served, Served, Receiver]) -> None:
    """G6: while both live, leases keep them apart: each report is posted once."""
    crm = replicas[2]

    def report(number: int) -> int:
        params = plivo_sdk.report(Sequence=str(number))
        return _tell(replicas[number % 2], "/report/at-both", params)[0]  # type: ignore[arg-type]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(report, range(REPORTS))) == {200}
    received = crm.wait_for(lambda got: len({one.headers["webhook-id"] for one in got}) == REPORTS)
    assert len(received) == REPORTS


def test_commands_read_the_server(replicas: tuple[Served, Served, Receiver], tmp_path: Path) -> None:
    """`history` and `deliveries` speak of what both did."""
    config = (replicas[0].folder / "config.toml").read_text()
    (tmp_path / "config.toml").write_text(config)
    done = process.run("history", "at-both", "--json", cwd=tmp_path)
    assert (done.returncode, '"message_uuid": "at-both"' in done.stdout) == (0, True)


async def test_a_replica_that_starts_frees_nobodys_claim(
    replicas: tuple[Served, Served, Receiver], where: str, tmp_path: Path
) -> None:
    """G3: what another process decides now stays its own when a third one starts."""
    options = StoreSettings(where, keep_text=DAY)
    wanted = claim(arrival("held-by-one"), owner="one")
    async with open_store(options, serving=False) as store:
        assert isinstance(await store.journal.claim(wanted), Claimed)
        with process.served(tmp_path, (replicas[0].folder / "config.toml").read_text()):
            assert isinstance(await store.journal.claim(replace(wanted, owner="other")), Held)
