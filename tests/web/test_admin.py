"""The operator's socket of a whole service: what it tells after known traffic, and what it never holds."""

import json
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.types import ASGIApp
from support import inside, plivo_sdk, process, receiver, scrape, wire

from app import __version__
from app.service import Service
from app.settings import AdminSettings, HostPort
from app.store.disk import Space
from app.web.admin import make_admin

OURS, CUSTOMER, COLLEAGUE = "33644612345", "33712345678", "33798765432"
ALL = {"route": "(all)", "window": "1d"}
WORDS = ("geheimnis", "wonderland", "confidential", "sesame")
CONFIG = f"""
[server]
public_url = "https://sms.example.com"
body_limit = "2KiB"
[plivo]
auth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}
{scrape.ADMIN}
[[routes]]
name = "shop"
to = "+{OURS}"
rules = ["echo"]
limits = {{ same_text = "2/1h", total = "100/1d" }}
[[routes]]
name = "flaky"
to = "+33644612346"
rules = ["broken", "night"]
[[routes]]
name = "down"
to = "+33644612347"
rules = ["broken"]
[rules.echo]
text = "You said {{text}}."
[rules.broken]
webhook = "{{url}}/bot?key=sesame"
[rules.night]
text = "Good night {{from}}."
[targets.good]
url = "{{url}}/good?key=sesame"
[targets.broken]
url = "{{url}}/broken?key=sesame"
retry = ["1s"]
"""


def _talk(service: process.Served) -> None:
    """Known traffic, with known words and numbers."""

    def say(text: str, to: str = OURS, **more: str) -> int:
        return wire.tell(service, plivo_sdk.message(From=CUSTOMER, To=to, Text=text, **more))[0]

    assert [say("Geheimnis") for _ in range(3)] == [200, 200, 200]  # the third is one too many
    assert [say("wonderland", MessageUUID="again") for _ in range(2)] == [200, 200]
    assert say("confidential", "33644612346") == 200
    assert say("confidential", "33644612347") == 503
    assert say("confidential", "33699999999") == 200  # nobody's number
    assert say("STOP") == 200
    statuses = ("delivered", "delivered", "failed", "Geheimnis", CUSTOMER, "x" * 500)
    for status in statuses:
        report = plivo_sdk.report(From=OURS, To=CUSTOMER, Status=status)
        assert wire.tell(service, report, "/report")[0] == 200


def _misbehave(service: process.Served) -> None:
    """Each way to be refused, once; and what no series may be made of."""
    url = f"{wire.PUBLIC}/message"
    params = plivo_sdk.message(From=CUSTOMER, To=OURS, Text="confidential")
    assert process.call(service, "POST", "/message", params, {})[0] == 403
    forged = [(name, "wonderland" if name == "Text" else value) for name, value in params]
    assert process.call(service, "POST", "/message", forged, plivo_sdk.headers("POST", url, params))[0] == 403
    replayed = plivo_sdk.headers("POST", url, params, "V2")
    assert process.call(service, "POST", "/message", params, replayed)[0] == 200
    assert process.call(service, "POST", "/message", forged, replayed)[0] == 403
    assert wire.tell(service, [*params, ("Text", "wonderland")])[0] == 400
    assert wire.post(service, b"{}", content_type="application/json").status == 415
    assert wire.post(service, b"Text=" + b"x" * 3000).status == 413
    both = plivo_sdk.headers("POST", url, params, "V2") | {
        "X-Plivo-Signature-V3": "bm90IG91cnM=",
        "X-Plivo-Signature-V3-Nonce": "1",
    }
    assert process.call(service, "POST", "/message", params, both)[0] == 200
    for method in ("PUT", "PURGE"):
        assert wire.exchange(service, wire.head(method, "/message", {}), method).status == 405
    for number in range(20):
        assert service.get(f"/wonderland/{number}?From={CUSTOMER}")[0] == 404
        assert scrape.get(service, f"/{CUSTOMER}/{number}")[0] == 404


@dataclass(frozen=True)
class Told:
    """What the operator's socket said after the traffic."""

    page: str
    found: scrape.Series
    ready: tuple[int, dict[str, Any]]


def _with_figures_of_the_store(service: process.Served) -> scrape.Series:
    """The first scrape that did not leave before the store had answered."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = scrape.scraped(service)
        if any(name == "autoreply_deliveries_due" for name, _ in found):
            return found
        time.sleep(0.05)  # polling a process, not waiting for luck
    raise AssertionError(service.text())


def _until_quiet(service: process.Served) -> None:
    """Until one target has everything, the other is paused, and the store has been asked since."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = scrape.scraped(service)
        waiting = scrape.value(found, "deliveries_due", target="good")
        waiting += scrape.value(found, "spending_units", **ALL) < 5
        if not waiting and scrape.value(found, "target_paused", target="broken"):
            return
        time.sleep(0.05)  # polling a process, not waiting for luck
    raise AssertionError(service.text())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One service for all that is asked of it: a target that works, one that does not, a webhook that does not."""
    folder = tmp_path_factory.mktemp("admin")
    with receiver.receiving(lambda got: 204 if got.path.startswith("/good") else 500) as target:
        with process.served(folder, CONFIG.replace("{url}", target.url)) as service:
            _talk(service)
            before = _with_figures_of_the_store(service).keys()
            _misbehave(service)
            target.wait_for(lambda received: sum(one.path.startswith("/good") for one in received) == 6)
            _until_quiet(service)
            page = scrape.get(service, "/metrics")[1].decode()
            ready = scrape.ready(service)
        found = scrape.series(page)
        added = {name for name, _ in found.keys() - before}
        assert added == {"autoreply_accepted_total"}  # by Ma-V3 or V2: a list of five
    return Told(page, found, ready)


@pytest.mark.parametrize(
    ("name", "labels", "count"),
    [
        ("messages_total", {"route": "shop", "outcome": "answered"}, 4),  # two, one, and the confirmation of STOP
        ("messages_total", {"route": "shop", "outcome": "silence"}, 2),  # a limit; after STOP
        ("messages_total", {"route": "shop", "outcome": "repeat"}, 1 + 1),
        ("messages_total", {"route": "flaky", "outcome": "answered"}, 1),
        ("messages_total", {"route": "down", "outcome": "failed"}, 1),
        ("messages_total", {"route": "(none)", "outcome": "silence"}, 1),
        ("rule_failures_total", {"route": "flaky", "rule": "broken"}, 1),
        ("rule_failures_total", {"route": "down", "rule": "broken"}, 1),
        ("limited_total", {"route": "shop", "limit": "same_text"}, 1),
        ("opt_outs_total", {"route": "shop", "change": "out"}, 1),
        ("reply_units_total", {"route": "flaky"}, 1),
        ("reports_total", {"status": "delivered"}, 2),
        ("reports_total", {"status": "failed"}, 1),
        ("reports_total", {"status": "other"}, 3),
        ("deliveries_total", {"target": "good", "outcome": "done"}, 6),
        ("deliveries_total", {"target": "good", "outcome": "again"}, 0),
        ("deliveries_total", {"target": "broken", "outcome": "done"}, 0),
        ("post_seconds_count", {"target": "good"}, 6),
        ("deliveries_due", {"target": "good"}, 0),
        ("deliveries_oldest_seconds", {"target": "good"}, 0),
        ("deliveries_due_limit", {"target": "good"}, 1_000_000),
        ("target_paused", {"target": "good"}, 0),
        ("target_paused", {"target": "broken"}, 1),
        ("refused_total", {"endpoint": "message", "status": "403", "reason": "unsigned"}, 1),
        ("refused_total", {"endpoint": "message", "status": "403", "reason": "forged"}, 1),
        ("refused_total", {"endpoint": "message", "status": "403", "reason": "reused"}, 1),
        ("refused_total", {"endpoint": "message", "status": "400", "reason": "malformed"}, 1),
        ("refused_total", {"endpoint": "message", "status": "405", "reason": "method"}, 2),
        ("refused_total", {"endpoint": "message", "status": "413", "reason": "large_body"}, 1),
        ("refused_total", {"endpoint": "message", "status": "415", "reason": "media_type"}, 1),
        ("refused_total", {"endpoint": "message", "status": "503", "reason": "rule_failed"}, 1),
        ("refused_total", {"endpoint": "report", "status": "403", "reason": "forged"}, 0),
        ("v2_beside_v3_total", {}, 1),
        ("accepted_total", {"endpoint": "message", "signed_by": "V2"}, 3),
        ("accepted_total", {"endpoint": "report", "signed_by": "V3"}, 6),
        ("answer_seconds_count", {"endpoint": "report"}, 6),
        ("spending_limit_units", ALL, 5000),
        ("spending_limit_units", {"route": "shop", "window": "1d"}, 100),
        ("chains_in_flight", {}, 0),
        ("store_writes_waiting", {}, 0),
        ("disk_reserve_bytes", {}, 268_435_456),
        ("ready", {}, 1),
    ],
)
def test_what_happened_is_counted(told: Told, name: str, labels: dict[str, str], count: int) -> None:
    """Each event of the traffic stands in the one series where an operator looks for it."""
    assert scrape.value(told.found, name, **labels) == count


def test_what_is_is_shown(told: Told) -> None:
    """Levels that only the machine knows are there, and plausible."""
    assert scrape.value(told.found, "store_group_size_sum") >= 14
    assert scrape.value(told.found, "store_commit_seconds_count") == scrape.value(told.found, "store_group_size_count")
    assert scrape.value(told.found, "disk_free_bytes") > 0
    assert scrape.value(told.found, "survey_age_seconds") < 20
    assert scrape.value(told.found, "lost_log_lines_total") == 0
    spent = scrape.value(told.found, "spending_units", **ALL)
    assert spent == sum(count for (name, _), count in told.found.items() if name == "autoreply_reply_units_total")
    assert spent == 5


def test_metrics_hold_no_words_and_no_numbers(told: Told) -> None:
    """G12: no text, no secret, no URL, and no five digits in a row of any number of the conversation."""
    for word in (*WORDS, plivo_sdk.TOKEN, "http", "127.0.0.1"):
        assert word not in told.page.lower()
    labels = " ".join(value for _, pairs in told.found for _, value in pairs)
    for number in (OURS, CUSTOMER, COLLEAGUE):
        assert not [part for part in (number[at : at + 5] for at in range(len(number) - 4)) if part in labels]


def test_ready_tells_what_an_operator_needs(told: Told) -> None:
    """A target that the breaker has paused is told, with what waits; replies do not suffer, so we are ready."""
    status, said = told.ready
    assert (status, said["ready"], said["stopping"], said["fault"], said["failed_reload"]) == (
        200, True, False, None, None,
    )  # fmt: skip
    targets = said["targets"]
    assert targets["good"] == {"paused": False, "by": None, "waiting": 0, "oldest": 0.0, "full": False}
    assert (targets["broken"]["paused"], targets["broken"]["by"]) == (True, "breaker")
    assert targets["broken"]["waiting"] > 0
    (sentence,) = said["trouble"]
    assert sentence.startswith("target broken is paused after repeated failures")
    (cap,) = said["spending"]
    assert (cap["route"], cap["window"], cap["limit"]) == (None, "1d", 5000)
    assert said["signature"] == "any"
    assert (said["lost_log_lines"], said["log_works"]) == (0, True)
    assert scrape.value(told.found, "config_info", config=said["config"], signature="any", version=__version__) == 1


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Service]:
    """A service in this process, with a target that nobody answers for."""
    config = process.THANKS + '[targets.crm]\nurl = "http://127.0.0.1:9/"\n'
    async with inside.serving(tmp_path, config) as service:
        yield service


def admin_of(house: Service) -> ASGIApp:
    """Its operator's socket, without an API."""
    return make_admin(inside.running(house), AdminSettings(HostPort("127.0.0.1", 0)), house.metrics)


def _browser(app: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://admin")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("GET", "/health", 200),
        ("GET", "/ready", 200),
        ("HEAD", "/ready", 200),
        ("POST", "/metrics", 405),
        ("PUT", "/ready", 405),
        ("DELETE", "/health", 405),
        ("OPTIONS", "/metrics", 405),
        ("BREW", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/METRICS", 404),
        ("GET", "/message", 404),
        ("POST", "/report", 404),
        ("GET", "/console/", 404),
        ("GET", "//metrics", 404),
    ],
)
async def test_three_pages_and_nothing_else(house: Service, method: str, path: str, status: int) -> None:
    """GET and HEAD of three pages; Plivo's paths are not there, nor is anything else."""
    async with _browser(admin_of(house)) as browser:
        answer = await browser.request(method, path)
    assert answer.status_code == status
    allowed = set(answer.headers.get("allow", "").split(", "))
    assert (allowed == {"GET", "HEAD"}) == (status == 405)


async def test_the_public_socket_tells_nothing_of_it(house: Service) -> None:
    """What anybody may call says yes or no."""
    async with _browser(house.app) as browser:
        assert (await browser.get("/ready")).json() == {"ready": True}
        assert (await browser.get("/metrics")).status_code == 404


async def test_stopping_and_faults_are_told(house: Service) -> None:
    """/ready says no, with the reason; /health says no only if this process is broken."""
    async with _browser(admin_of(house)) as browser:
        house.state.stopping = True
        answer = await browser.get("/ready")
        assert (answer.status_code, answer.json()["trouble"]) == (503, ["the service is stopping"])
        assert (await browser.get("/health")).json() == {"healthy": True}
        house.state.stopping, house.state.fault = False, "the writer has ended"
        assert (await browser.get("/ready")).json()["trouble"] == ["the writer has ended: the process is about to exit"]
        answer = await browser.get("/health")
        assert (answer.status_code, answer.json()) == (503, {"healthy": False})
        house.state.fault = None


async def test_a_locked_store_does_not_hold_up_a_scrape(house: Service, tmp_path: Path) -> None:
    """While another process holds the store, /metrics shows the last figures at once; /ready says no, in time."""
    async with _browser(admin_of(house)) as browser:
        await browser.get("/ready")
        with closing(sqlite3.connect(tmp_path / "autoreply.db", isolation_level=None)) as store:
            await anyio.sleep(1.1)  # until what is known has aged
            store.execute("BEGIN IMMEDIATE")
            took = []
            for _ in range(5):
                begun = time.monotonic()
                found = scrape.series((await browser.get("/metrics")).text)
                took.append(time.monotonic() - begun)
                assert scrape.value(found, "spending_units", **ALL) == 0
            assert min(took) < 0.9  # the store would be waited for for a second, by each
            begun = time.monotonic()
            answer = await browser.get("/ready")
            assert time.monotonic() - begun < 4.5  # by itself SQLite waits for 5 s
            store.execute("ROLLBACK")
    assert (answer.status_code, answer.json()["store"]["writable"]) == (503, False)
    assert answer.json()["trouble"][0].startswith("the store cannot write")


@dataclass
class Disk:
    """A disk that the test fills."""

    free: int = 1 << 40

    def __call__(self) -> Space:
        """One look."""
        return Space(self.free, 1 << 40)


async def test_a_disk_that_fills_refuses_reports_and_answers_messages(tmp_path: Path) -> None:
    """G7: below the reserve reports get 503, which Plivo repeats, and texts their answer; later all is well."""
    disk = Disk(1 << 20)
    report = plivo_sdk.report()
    async with inside.serving(tmp_path, measure=disk) as house, _browser(admin_of(house)) as browser:
        answer = await inside.call(house, report, "/report")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "Thanks" in (await inside.call(house, wire.message())).text
        said = await browser.get("/ready")
        assert (said.status_code, said.json()["store"]["disk"]) == (
            200, {"free": 1_048_576, "reserve": 268_435_456, "enough": False},
        )  # fmt: skip
        assert said.json()["trouble"] == [
            "the disk is nearly full, 1 MiB free: reports are refused, messages are answered"
        ]
        found = scrape.series((await browser.get("/metrics")).text)
        assert scrape.value(found, "refused_total", endpoint="report", status="503", reason="disk") == 1
        assert scrape.value(found, "disk_free_bytes") == 1_048_576
        disk.free = 1 << 40
        await anyio.sleep(1.05)  # a look at the disk holds for a second
        assert (await inside.call(house, report, "/report")).status_code == 200


SLOW = """
[[routes]]
name = "slow"
to = "+33644612348"
rules = "slow"
[rules.slow]
webhook = "{url}/slow"
timeout = "50s"
[targets.crm]
url = "http://127.0.0.1:9/"
[admin]
listen = "[::1]:0"
"""


def test_an_operators_pause_is_told_and_the_socket_stops_last(tmp_path: Path) -> None:
    """On IPv6 too: what a command paused is told within a second or two; a stop that waits for a late rule is told to
    its end; then both sockets are gone, and the exit code is 0.
    """
    go = threading.Event()
    config = process.MINIMAL.replace("[plivo]", 'deadline = "100ms"\n[plivo]')
    with (
        receiver.receiving(lambda _got: 200 if go.wait(60) else 500) as bot,
        process.served(tmp_path, config + SLOW.replace("{url}", bot.url)) as service,
    ):
        assert process.run("deliveries", "pause", "crm", cwd=tmp_path).returncode == 0
        deadline = time.monotonic() + 60
        while b'"by":"operator"' not in scrape.get(service, "/ready", host="[::1]")[1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # polling a process, not waiting for luck
        page = scrape.get(service, "/metrics", host="[::1]")[1].decode()
        assert scrape.value(scrape.series(page), "target_paused", target="crm") == 1
        port = scrape.port(service)
        with socket.create_connection(("::1", port)) as idle:
            assert wire.tell(service, wire.message(To="33644612348"))[0] == 503
            service.process.terminate()
            while b'"stopping":true' not in (said := scrape.get(service, "/ready", host="[::1]"))[1]:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert (said[0], json.loads(said[1])["chains_in_flight"]) == (503, 1)
            go.set()
            assert service.process.wait(timeout=30) == 0
            with suppress(OSError):
                assert idle.recv(1) == b""
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("::1", port))


def test_a_taken_port_is_a_clear_mistake(tmp_path: Path) -> None:
    """Exit code 2 and a line that says which address; the store is closed in order."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "config.toml").write_text(f'{process.MINIMAL}[admin]\nlisten = "{where}"\n')
        done = process.run("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert f"[admin] cannot listen on {where}: Address already in use; is another process using it?" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_table_there_is_no_second_socket(tmp_path: Path) -> None:
    """Absent: off, and `serve` says so."""
    with process.served(tmp_path) as service:
        (line,) = [line for line in service.lines() if line["event"] == "serving"]
        assert "admin: no /metrics" in line["off"]
        assert [line for line in service.lines() if line["event"] == "admin listening"] == []
