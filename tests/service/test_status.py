"""`status` beside running servers: what they report, and what is wrong in sentences."""

import json
import signal
import time
from pathlib import Path
from typing import Any

from support import plivo_sdk, process, receiver, wire

NOWHERE = '\n[targets.crm]\nurl = "http://127.0.0.1:9/hook"\nretry = ["1h"]\n'
HTTP = process.MINIMAL.replace("https://sms", "http://sms")


def _status(folder: Path) -> dict[str, Any]:
    done = process.run("status", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _reported(service: process.Served, enough: str) -> dict[str, Any]:
    """The state, once a server has reported this; it does so every 5 s."""
    until = time.monotonic() + 60
    while enough not in json.dumps(found := _status(service.folder)):
        assert time.monotonic() < until, found
        time.sleep(0.1)  # polling a process, not waiting for luck
    return found


def test_refused_calls_are_explained_after_the_fact(tmp_path: Path) -> None:
    """Three calls signed for another URL: how many, why, and what would have matched; also once the server is gone."""
    with process.served(tmp_path, HTTP) as service:
        for _ in range(3):
            assert wire.tell(service, wire.message())[0] == 403
        found = _reported(service, '"calls": 3')
        (refused,) = found["refused"]
        assert (refused["reason"], refused["calls"]) == ("forged", 3)
        assert "https://sms.example.com" in refused["advice"]
        assert found["problems"] == ["3 calls were refused in the last hour: 3 forged"]
        (server,) = found["servers"]
        assert (server["running"], server["signature"]) == (True, "any")
        assert server["config"] == service.wait_for("serving")[0]["config"]
        assert service.stop() == 0
    found = _status(tmp_path)
    assert [server["running"] for server in found["servers"]] == [False]
    assert found["refused"] == [refused]
    assert found["problems"][0] == "no server is running, or none can write to the store"


def test_a_target_that_is_down_is_a_problem(tmp_path: Path) -> None:
    """Its queue and its next attempt are there; a person reads the same in tables."""
    with process.served(tmp_path, process.MINIMAL + NOWHERE) as service:
        for _ in range(6):
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
        service.wait_for("target paused")
        found = _reported(service, '"failing"')
        (target,) = found["targets"]
        assert (target["name"], target["state"], target["due"], target["dead"]) == ("crm", "failing", 6, 0)
        assert target["next_attempt"]
        assert [one for one in found["problems"] if one.startswith("target crm fails")]
        page = process.run("status", "--tz", "UTC", cwd=tmp_path).stdout
        assert page.startswith("1 problem; 1 server running, ")
        assert "TARGET  STATE    DUE  DEAD  OLDEST  NEXT ATTEMPT\ncrm     failing  6    0 " in page
        assert "Pending 0   Spent 0 of 5,000 units in 1 d   Disk " in page


def test_a_failed_reload_is_a_problem(tmp_path: Path) -> None:
    """With the host and the file, never a value."""
    with process.served(tmp_path) as service:
        (tmp_path / "config.toml").write_text(process.MINIMAL.replace("https", "ftp"))
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("reload failed")
        (tmp_path / "config.toml").write_text(process.MINIMAL)  # which the command reads
        found = _reported(service, "config.toml")
        assert found["servers"][0]["failed_reload"].startswith("config.toml")
        assert [one for one in found["problems"] if "the last reload failed" in one]


def test_all_is_well(tmp_path: Path) -> None:
    """A fresh server with a target that accepts: no problems."""
    with receiver.receiving() as inbox:
        crm = f'\n[targets.crm]\nurl = "{inbox.url}/crm"\n'
        with process.served(tmp_path, process.MINIMAL + crm) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            inbox.wait_for(lambda received: len(received) == 1)
            found = _reported(service, '"running": true')
            assert (found["problems"], found["pending"], found["refused"]) == ([], 0, [])
            assert found["spending"] == [{"scope": "", "seconds": 86400.0, "limit": 5000, "spent": 0}]
