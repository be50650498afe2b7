"""Three SIGKILLs amid 10,000 reports, on SQLite and PostgreSQL: how many are lost, how many come twice? `make bench`.

Plivo's side calls with each report until it hears 200, whichever process answers. A killed process leaves leases of
30 s behind, which are moved into the past instead of waited for, so that this ends soon. The promise is 0 lost; a
double carries the webhook-id of its first. Exits 1 if it is broken.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # the clients and the receiver of the tests

from support import plivo_sdk, postgres, process, receiver
from support.crowd import Call, Crowd

REPORTS, LIVES = 10_000, 4  # one more than kills
CLIENTS = 8
PATIENCE = 60.0  # seconds for each life's share
CONFIG = """
{store}
[targets.crm]
url = "{url}/hook"
concurrency = 16
"""
LATER = "UPDATE deliveries SET due_at = due_at - 30 WHERE state = 'due'"  # the timeout of a target, and a margin


def run(folder: Path, store: str, let_leases_end: Callable[[], object]) -> bool:
    """Prints what one engine made of it; whether the promise was kept."""
    reports = [Call("/report", plivo_sdk.report()) for _ in range(REPORTS)]
    share = REPORTS // LIVES
    started = time.perf_counter()
    with receiver.receiving() as crm:
        config = process.MINIMAL + CONFIG.format(store=store, url=crm.url)
        plivo = Crowd(CLIENTS)
        for life in range(LIVES):
            last = life == LIVES - 1
            with process.served(folder, config) as service:
                plivo.service = service
                plivo.call(*reports[life * share : (life + 1) * share])
                if not last:
                    crm.wait_for(lambda got, enough=life * share + share // 2: len(got) >= enough, PATIENCE)
                    service.kill()
                    plivo.service = None
                    let_leases_end()
                else:
                    plivo.join(PATIENCE)
                    crm.wait_for(_all_are_in, PATIENCE)
    taken = time.perf_counter() - started
    by_report: dict[str, list[str]] = {}
    for one in crm.received:
        by_report.setdefault(_message_uuid(one), []).append(one.headers["webhook-id"])
    lost = REPORTS - len(by_report)
    doubles = len(crm.received) - len(by_report)
    strange = sum(len(set(ids)) > 1 for ids in by_report.values())
    print(f"  {LIVES - 1} kills, {REPORTS} reports in {taken:.0f} s; {plivo.refused} calls had to be made again")
    print(f"  lost {lost}, doubles {doubles}, of which with another id than their first {strange}")
    return lost == strange == 0


def _all_are_in(got: list[receiver.Received]) -> bool:
    return len(got) >= REPORTS and len({one.headers["webhook-id"] for one in got}) >= REPORTS


def _message_uuid(received: receiver.Received) -> str:
    _, _, tail = received.body.partition(b'"message_uuid": "')
    return tail[: tail.index(b'"')].decode()


def on_sqlite(folder: Path) -> bool:
    """The embedded store."""
    (folder / "sqlite").mkdir()

    def let_leases_end() -> None:
        with closing(sqlite3.connect(folder / "sqlite" / "autoreply.db")) as store, store:
            store.execute(LATER)

    return run(folder / "sqlite", "", let_leases_end)


def on_postgresql(folder: Path) -> bool:
    """A real server, of a pip package."""
    (folder / "service").mkdir()
    with postgres.running() as url:
        store = f'[store]\nurl = "{url}"'
        return run(folder / "service", store, lambda: asyncio.run(postgres.execute(url, LATER)))


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        print("SQLite")
        kept = on_sqlite(Path(folder))
        print("PostgreSQL")
        kept = on_postgresql(Path(folder)) and kept
    sys.exit(not kept)


if __name__ == "__main__":
    main()
