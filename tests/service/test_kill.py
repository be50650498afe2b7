"""G6 from outside: kill -9 at any moment loses nothing, and a double carries the same id."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from support import plivo_sdk, process, receiver
from support.crowd import Call, Crowd

REPORTS = 1_000
LEASE = 30  # seconds: the timeout of a target, and what the dispatcher adds
BATCHES = 4  # one for each life of the service
KILL_AFTER = 100  # of a batch: while it is still coming in and going out
TARGET = '\n[targets.crm]\nurl = "{url}/hook"\nconcurrency = 8'


def test_three_kills_lose_none_of_a_thousand_reports(tmp_path: Path) -> None:
    """1,000 reports, three kill -9 amid them: the target gets 1,000 ids, each double that of its first."""
    reports = [Call("/report", plivo_sdk.report()) for _ in range(REPORTS)]
    size = REPORTS // BATCHES
    with receiver.receiving() as crm:
        config = process.MINIMAL + TARGET.format(url=crm.url)
        plivo = Crowd()
        for start in range(0, REPORTS - size, size):
            with process.served(tmp_path, config) as service:
                plivo.service = service
                plivo.call(*reports[start : start + size])
                _wait(crm, start + KILL_AFTER)
                service.kill()
        _let_the_leases_run_out(tmp_path)
        with process.served(tmp_path, config) as service:
            plivo.service = service
            plivo.call(*reports[-size:])
            plivo.join()
            crm.wait_for(lambda received: len({one.headers["webhook-id"] for one in received}) == REPORTS)
            assert service.stop() == 0
    assert plivo.refused > 0  # else no kill met a call
    times = Counter((one.headers["webhook-id"], _message_uuid(one)) for one in crm.received)
    assert len(times) == REPORTS
    assert {message_uuid for _, message_uuid in times} == {report.uuid for report in reports}
    doubles = sum(times.values()) - REPORTS
    assert doubles <= 3 * 8  # what was under way at each kill
    with closing(sqlite3.connect(tmp_path / "autoreply.db")) as store:
        assert store.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall() == [("done", REPORTS)]


def _wait(crm: receiver.Receiver, enough: int) -> None:
    crm.wait_for(lambda received: len(received) >= enough)


def _message_uuid(received: receiver.Received) -> str:
    head, _, tail = received.body.partition(b'"message_uuid": "')
    assert head
    return tail[: tail.index(b'"')].decode()


def _let_the_leases_run_out(folder: Path) -> None:
    """Moves the store half a minute into the past, so that nobody needs to wait for it."""
    with closing(sqlite3.connect(folder / "autoreply.db")) as store:
        store.execute("UPDATE deliveries SET due_at = due_at - ? WHERE state = 'due'", (LEASE,))
        store.commit()
