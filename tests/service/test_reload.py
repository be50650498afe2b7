"""A reload from outside: what the next request gets, what stays as it was, and what operators are told."""

import json
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import plivo_sdk, process, receiver, scrape, wire
from support.receiver import Received

TOKEN = "an-operators-token"
ADMIN = f'{scrape.ADMIN}\ntoken = "{TOKEN}"\n'
OLD, NEW = "Thanks, we got your message.", "We have moved."
CHANGED = process.MINIMAL.replace(OLD, NEW)
CRM = '\n[targets.{name}]\nurl = "{url}/{name}"\n'
FAILING = """
[[tests]]
name = "hours"
to = "+33644600000"
from = "+33700000001"
expect = { text = "Open 9-18." }
"""


def _hang_up(service: process.Served, event: str, count: int = 1) -> None:
    service.process.send_signal(signal.SIGHUP)
    service.wait_for(event, count)


def _write(service: process.Served, config: str) -> None:
    (service.folder / "config.toml").write_text(config)


def _answer(service: process.Served, params: plivo_sdk.Pairs | None = None) -> str | None:
    return wire.answered(service, params or wire.message())


def _post_reload(service: process.Served, token: str | None = TOKEN) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{scrape.port(service)}/api/v1/reload"
    status, body = process.fetch(urllib.request.Request(url, headers=headers, method="POST"))
    return status, json.loads(body)


def test_sighup_puts_the_file_in_force(tmp_path: Path) -> None:
    """The next message gets the new text; a message that was answered before gets its answer again (G3)."""
    before = wire.message()
    with process.served(tmp_path, process.MINIMAL + scrape.ADMIN) as service:
        assert _answer(service, before) == OLD
        _write(service, CHANGED + scrape.ADMIN)
        _hang_up(service, "reloaded")
        assert (_answer(service), _answer(service, before)) == (NEW, OLD)
        (line,) = service.wait_for("reloaded")
        assert scrape.ready(service)[1]["config"] == line["config"] != line["before"]
        assert scrape.value(scrape.scraped(service), "reloads_total", outcome="done") == 1
        assert service.stop() == 0


@pytest.mark.parametrize(
    ("config", "line", "fault"),
    [
        pytest.param("[server\n[plivo]\n", ":1", None, id="not TOML"),
        pytest.param(CHANGED.replace("https", "ftp"), None, None, id="an unusable value"),
        pytest.param(CHANGED + FAILING, "", "hours: expected text 'Open 9-18.'", id="a test that fails"),
        pytest.param(CHANGED.partition("[[routes]]")[0], "", "no route", id="cut off"),
    ],
)
def test_bad_file_changes_nothing(tmp_path: Path, config: str, line: str | None, fault: str | None) -> None:
    """G11: the old text is still sent; log, /ready and a metric say so, until a good file is loaded."""
    with process.served(tmp_path, process.MINIMAL + scrape.ADMIN) as service:
        _write(service, config + scrape.ADMIN)
        _hang_up(service, "reload failed")
        assert _answer(service) == OLD
        status, ready = scrape.ready(service)
        assert (status, ready["ready"]) == (200, True)
        assert ready["failed_reload"].startswith("config.toml" if line is None else f"config.toml{line}")
        assert [said for said in ready["trouble"] if "reload failed" in said]
        assert scrape.value(scrape.scraped(service), "reloads_total", outcome="failed") == 1
        if fault:
            assert service.wait_for("config error")[-1]["fault"].startswith(fault)
        _write(service, CHANGED + scrape.ADMIN)
        _hang_up(service, "reloaded")
        assert (_answer(service), scrape.ready(service)[1]["failed_reload"]) == (NEW, None)


def test_what_takes_a_restart_is_named(tmp_path: Path) -> None:
    """Sockets, store and log stay as they are; the text changes."""
    with process.served(tmp_path, process.MINIMAL) as service:
        moved = CHANGED.replace("[plivo]", 'host = "0.0.0.0"\n[store]\nkeep = "7d"\n[plivo]')
        _write(service, moved)
        _hang_up(service, "reloaded")
        (line,) = service.wait_for("reloaded")
        assert line["needs_restart"] == ["server.host", "store"]
        assert _answer(service) == NEW


def test_a_token_is_rotated(tmp_path: Path) -> None:
    """A request signed with the new token is refused before the reload, and one with the old after it."""
    old = process.MINIMAL.replace('{ env = "PLIVO_AUTH_TOKEN" }', '"another-token"')
    with process.served(tmp_path, old) as service:
        assert wire.tell(service, wire.message())[0] == 403
        _write(service, process.MINIMAL)
        _hang_up(service, "reloaded")
        assert wire.tell(service, wire.message())[0] == 200
        _write(service, old)
        _hang_up(service, "reloaded", 2)
        assert wire.tell(service, wire.message())[0] == 403


def test_targets_come_change_and_go(tmp_path: Path) -> None:
    """A new target gets reports; one with another URL gets what was due; what a removed one is owed waits for it."""
    with receiver.receiving() as inbox:

        def came(path: str, count: int = 1) -> list[Received]:
            return inbox.wait_for(lambda received: sum(one.path == path for one in received) >= count)

        def config(**urls: str) -> str:
            return process.MINIMAL + "".join(CRM.format(name=name, url=url) for name, url in urls.items())

        with process.served(tmp_path, config(crm="http://127.0.0.1:9")) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            _write(service, config(crm=inbox.url, erp=inbox.url))
            _hang_up(service, "reloaded")
            came("/crm")
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            came("/crm", 2)
            came("/erp")
            _write(service, config(erp=inbox.url))
            _hang_up(service, "reloaded", 2)
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            assert len([one for one in came("/erp", 2) if one.path == "/crm"]) == 2
            assert service.stop() == 0


def test_rules_that_call_out_can_be_added(tmp_path: Path) -> None:
    """A service that called nobody has a client for the webhook of its new file."""
    with receiver.receiving(lambda _received: 204) as bot, process.served(tmp_path) as service:
        rules = f'rules = ["bot", "ack"]\n[rules.bot]\nwebhook = "{bot.url}/bot"\n[rules.ack]\ntext = "{NEW}"'
        _write(service, process.MINIMAL.replace(f'text = "{OLD}"', rules))
        _hang_up(service, "reloaded")
        assert _answer(service) == NEW
        assert [one.path for one in bot.received] == ["/bot"]


def test_the_api_reloads_for_who_has_the_token(tmp_path: Path) -> None:
    """Without the token 401; with it the new version, or every error of the file."""
    with process.served(tmp_path, process.MINIMAL + ADMIN) as service:
        _write(service, CHANGED + ADMIN)
        assert [_post_reload(service, token)[0] for token in (None, "", f"{TOKEN}x")] == [401] * 3
        assert _answer(service) == OLD
        status, body = _post_reload(service)
        assert (status, body["needs_restart"], _answer(service)) == (200, [], NEW)
        assert body["config"] == scrape.ready(service)[1]["config"]
        assert scrape.get(service, "/api/v1/reload")[0] == 401
        _write(service, "[server\n[plivo]\n")
        status, problem = _post_reload(service)
        assert (status, problem["status"], problem["title"]) == (422, 422, "Unprocessable Content")
        assert [(error["file"], error["line"]) for error in problem["errors"]] == [("config.toml", 1)]


def test_without_a_token_there_is_no_api(tmp_path: Path) -> None:
    """Nothing that changes the service is open to who can reach the socket."""
    with process.served(tmp_path, process.MINIMAL + scrape.ADMIN) as service:
        assert _post_reload(service)[0] == 404


def test_no_request_fails_while_files_come_and_go(tmp_path: Path) -> None:
    """Good and bad files in turn, while four callers send messages: each gets one of the two texts."""
    with process.served(tmp_path, process.MINIMAL + ADMIN) as service, ThreadPoolExecutor(4) as callers:
        done = False

        def keep_calling() -> set[str | None]:
            texts = set()
            while not done:
                texts.add(_answer(service))
            return texts

        calling = [callers.submit(keep_calling) for _ in range(4)]
        statuses = []
        for config in [CHANGED, "[server", process.MINIMAL, "", CHANGED]:
            _write(service, config + ADMIN if config else "")
            statuses.append(_post_reload(service)[0])
        done = True
        assert {text for caller in calling for text in caller.result()} == {OLD, NEW}
        assert statuses == [200, 422, 200, 422, 200]


def test_sighup_never_ends_the_process(tmp_path: Path) -> None:
    """Neither before it serves, nor while it stops."""
    (tmp_path / "config.toml").write_text(process.MINIMAL)
    with process.served(tmp_path) as service:
        for _ in range(20):
            service.process.send_signal(signal.SIGHUP)
        service.wait_for("reloaded")
        service.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while service.process.poll() is None and time.monotonic() < deadline:
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.01)  # the signal again while it stops, not waiting for luck
        assert service.process.returncode == 0
