"""G5 and G6 from outside: every signed report is on disk before its 200, and reaches whoever wants it."""

import json
import resource
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import plivo_sdk, process, receiver, wire

CONFIG = """
{shop}
[[routes]]
to = "*"
text = "Thanks, we got your message."
targets = "rest"
[targets.shop]
url = "{url}/shop"
[targets.rest]
url = "{url}/rest"
"""
SHOP = """
[[routes]]
name = "shop"
to = "+33644600001"
text = "The shop is closed."
targets = ["shop", "rest"]
"""


def _reported(received: receiver.Received) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(received.body)["data"]
    return data


def _stored(folder: Path) -> dict[str, int]:
    """How many reports of each status are on disk; read beside the server, as a backup would."""
    with closing(sqlite3.connect(f"file:{folder / 'autoreply.db'}?mode=ro", uri=True)) as store:
        return dict(store.execute("SELECT status, count(*) FROM reports GROUP BY status").fetchall())


def test_a_report_is_stored_without_any_target(tmp_path: Path) -> None:
    """A report is on disk when its 200 is out, also when nobody wants it, by GET too; kill -9 loses none."""
    with process.served(tmp_path) as service:
        for path in ("/report", "/report/unknown", "/report/unknown"):
            assert wire.tell(service, plivo_sdk.report(Status="sent"), path) == (200, b"stored\n")
        assert wire.tell(service, plivo_sdk.report(Status="failed"), "/report", method="GET")[0] == 200
        service.kill()
    assert _stored(tmp_path) == {"sent": 3, "failed": 1}


def test_a_report_goes_to_the_targets_of_its_owner(tmp_path: Path) -> None:
    """The journal says whose a report is, else our number, else the default route; a removed route keeps its name."""
    with receiver.receiving() as crm:
        with process.served(tmp_path, process.HEAD + CONFIG.format(shop=SHOP, url=crm.url)) as service:
            message = wire.message(To="33644600001")
            assert wire.answered(service, message) == "The shop is closed."
            asked = f"/report/{dict(message)['MessageUUID']}"
            wire.tell(service, plivo_sdk.report(From="33644600009", MessageUUID="of-the-journal"), asked)
            wire.tell(service, plivo_sdk.report(From="33644600001", MessageUUID="of-our-number"), "/report/unknown")
            wire.tell(service, plivo_sdk.report(From="33644600001", MessageUUID="by-other-means"), "/report")
            wire.tell(service, plivo_sdk.report(From="33644600009", MessageUUID="of-the-default"), "/report/unknown")
            wire.tell(service, plivo_sdk.report(From="", MessageUUID="of-nobody"), "/report")
            crm.wait_for(lambda received: len(received) == 8)
        with process.served(tmp_path, process.HEAD + CONFIG.format(shop="", url=crm.url)) as service:
            assert wire.tell(service, plivo_sdk.report(MessageUUID="of-the-removed"), asked)[0] == 200
            crm.wait_for(lambda received: len(received) == 9)
    told = {
        (received.path, data["message_uuid"]): (data["route"], data["rule"], data["in_reply_to"])
        for received in crm.received
        for data in [_reported(received)]
    }
    inbound = dict(message)["MessageUUID"]
    assert told == {
        ("/shop", "of-the-journal"): ("shop", "text", inbound),
        ("/rest", "of-the-journal"): ("shop", "text", inbound),
        ("/shop", "of-our-number"): ("shop", None, "unknown"),
        ("/rest", "of-our-number"): ("shop", None, "unknown"),
        ("/shop", "by-other-means"): ("shop", None, None),
        ("/rest", "by-other-means"): ("shop", None, None),
        ("/rest", "of-the-default"): ("default", None, "unknown"),
        ("/rest", "of-nobody"): ("default", None, None),
        ("/rest", "of-the-removed"): ("shop", "text", inbound),
    }


def test_a_repeat_makes_no_second_delivery(tmp_path: Path) -> None:
    """Plivo's repeats of a report, fifty at once too, are one report; another status is another."""
    with (
        receiver.receiving() as crm,
        process.served(tmp_path, process.HEAD + CONFIG.format(shop="", url=crm.url)) as service,
    ):
        params = plivo_sdk.report(Status="sent", Sequence="1")
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: wire.tell(service, params, "/report")[0], range(50)))
        assert answers == [200] * 50
        assert wire.tell(service, params, "/report", method="GET")[0] == 200
        later = [(name, {"Status": "delivered", "Sequence": "2"}.get(name, value)) for name, value in params]
        assert wire.tell(service, later, "/report")[0] == 200
        crm.wait_for(lambda received: any(_reported(one)["status"] == "delivered" for one in received))
        assert service.stop() == 0
    assert sorted(_reported(received)["status"] for received in crm.received) == ["delivered", "sent"]
    assert _stored(tmp_path) == {"sent": 1, "delivered": 1}


@contextmanager
def _full_disk(service: process.Served) -> Iterator[None]:
    """No file of this process grows any more, but its log may, a little: the store's log is longer already."""
    write_ahead_log = (service.folder / "autoreply.db-wal").stat().st_size
    assert service.log.stat().st_size < write_ahead_log
    before = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (write_ahead_log, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, before)


def _until(what: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # polling a process, not waiting for luck


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux takes a limit from outside")
def test_a_full_disk_is_told_and_survived(tmp_path: Path) -> None:
    """While the store cannot write: 503 with Retry-After, /ready false, /health fine; afterwards all is well."""
    with (
        receiver.receiving() as crm,
        process.served(tmp_path, process.HEAD + CONFIG.format(shop="", url=crm.url)) as service,
    ):
        report, message = plivo_sdk.report(), wire.message()
        assert service.get("/ready") == (200, b'{"ready":true}')
        with _full_disk(service):
            for path, params in (("/report", report), ("/message", message)):
                answer = wire.exchange(service, wire.signed(path, params))
                assert answer.status == 503
                assert int(answer.headers["retry-after"]) > 0
            _until(lambda: service.get("/ready") == (503, b'{"ready":false}'))
            assert service.get("/health") == (200, b'{"healthy":true}')
        assert wire.tell(service, report, "/report") == (200, b"stored\n")
        assert wire.answered(service, message) == "Thanks, we got your message."
        _until(lambda: service.get("/ready") == (200, b'{"ready":true}'))
        crm.wait_for(lambda received: len(received) == 1)
        assert service.stop() == 0
        assert "Traceback" not in service.text()
    assert len(crm.received) == 1


def test_a_locked_store_is_told_before_plivo_hangs_up(tmp_path: Path) -> None:
    """While another process holds the store, each call gets 503 within the deadline, though it waits behind others."""
    config = process.MINIMAL.replace("[plivo]", 'deadline = "1s"\n[plivo]')
    with process.served(tmp_path, config) as service:
        took: list[tuple[int, float]] = []

        def call(path: str, params: plivo_sdk.Pairs) -> None:
            started = time.monotonic()
            answer = wire.exchange(service, wire.signed(path, params))
            took.append((answer.status, time.monotonic() - started))

        report, message = plivo_sdk.report(), wire.message()
        with closing(sqlite3.connect(tmp_path / "autoreply.db", isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")
            calls = [("/report", report), ("/message", message), ("/report", plivo_sdk.report())]
            threads = [threading.Thread(target=call, args=each) for each in calls]
            for thread in threads:
                thread.start()
            assert service.get("/health")[0] == 200
            assert service.get("/ready") == (503, b'{"ready":false}')
            for thread in threads:
                thread.join()
            store.execute("ROLLBACK")
        assert [status for status, _ in took] == [503, 503, 503]
        assert max(seconds for _, seconds in took) < 4  # by itself SQLite waits for 5 s
        _until(lambda: wire.tell(service, report, "/report") == (200, b"stored\n"))
        assert wire.answered(service, message) == "Thanks, we got your message."


def test_deliveries_of_a_target_that_is_gone_are_told(tmp_path: Path) -> None:
    """G6: what nobody forwards any more does not wait in silence; the line says what to do."""
    gone = f'{process.MINIMAL}\n[targets.gone]\nurl = "http://127.0.0.1:9/"\n'
    with process.served(tmp_path, gone) as service:
        params = plivo_sdk.report()
        headers = plivo_sdk.headers("POST", "https://sms.example.com/report", params)
        assert process.call(service, "POST", "/report", params, headers)[0] == 200
    with process.served(tmp_path, process.MINIMAL) as service:
        (line,) = service.wait_for("deliveries to an unknown target")
    assert (line["target"], line["deliveries"], "deliveries drop --target gone" in line["advice"]) == ("gone", 1, True)
