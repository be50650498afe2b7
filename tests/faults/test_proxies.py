"""Proxies of the environment, from outside: what goes out takes them, and their passwords are told nobody."""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from support import http_proxy, plivo_sdk, process, receiver, secured, wire

# Names that only the proxy can find; loopback in a form that NO_PROXY must list; loopback.
CONFIG = """
[targets.tunnelled]
url = "https://crm.test:{tls}/hook/s3cr3t?key=TOPSECRET"
ca_file = "ca.pem"
[targets.forwarded]
url = "http://crm.test:{plain}/hook"
[targets.listed]
url = "http://0.0.0.0:{plain}/listed"
[targets.loopback]
url = "http://127.0.0.1:{plain}/loopback"
[[routes]]
name = "bot"
to = "33644600009"
webhook = "https://bot.test:{bot}/sms"
ca_file = "ca.pem"
"""
PASSWORD = "hunter2"
BASIC = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()


@dataclass
class Seen:
    """What came of a report and a message."""

    states: dict[str, Any]
    text: str | None
    tunnelled: list[str]  # ids
    paths: set[str]  # of the plain receiver
    forwarded: dict[str, str]  # the headers that it got by way of the proxy
    proxy: http_proxy.Proxy
    log: str


@pytest.fixture(scope="module", params=["upper", "lower"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A service that stands behind a proxy, as its environment says in upper or in lower case."""
    folder = tmp_path_factory.mktemp("proxied")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with ExitStack() as stack:
        proxy = stack.enter_context(http_proxy.proxying())
        crm = stack.enter_context(secured.secured(authority.issue_cert("crm.test")))
        bot = stack.enter_context(secured.secured(authority.issue_cert("bot.test"), answer=b"Hi from the bot."))
        plain = stack.enter_context(receiver.receiving())
        url = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        variables = {"HTTPS_PROXY": url, "HTTP_PROXY": url, "NO_PROXY": "example.com, 0.0.0.0"}
        if request.param == "lower":
            variables = {name.lower(): value for name, value in variables.items()}
        config = CONFIG.format(tls=crm.port, bot=bot.port, plain=plain.url.rpartition(":")[2])
        with process.served(folder, process.MINIMAL + config, more=variables) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            text = wire.answered(service, wire.message(To="33644600009"))
            got = plain.wait_for(lambda received: len(received) == 3)
            service.stop()
        rows = json.loads(process.run("deliveries", "list", "--json", cwd=folder).stdout)
        yield Seen(
            {row["target"]: row["state"] for row in rows},
            text,
            crm.posts,
            {one.path for one in got},
            next(one.headers for one in got if one.path == "/hook"),
            proxy,
            service.log.read_text(),
        )


def test_everything_arrives(seen: Seen) -> None:
    """TLS through a tunnel, plain HTTP by the proxy, the rest directly, and a webhook rule's answer."""
    assert seen.states == dict.fromkeys(("tunnelled", "forwarded", "listed", "loopback"), "done")
    assert (seen.text, len(seen.tunnelled)) == ("Hi from the bot.", 1)
    assert seen.paths == {"/hook", "/listed", "/loopback"}


def test_what_the_proxy_sees(seen: Seen) -> None:
    """Of https it sees the host alone; NO_PROXY and loopback it never sees; it is told who asks, each time."""
    lines = sorted(one.line.partition(":")[0] for one in seen.proxy.asked)
    assert lines == ["CONNECT bot.test", "CONNECT crm.test", "POST http"]
    assert {one.headers["proxy-authorization"] for one in seen.proxy.asked} == {BASIC}
    for one in seen.proxy.asked:
        assert one.line.startswith("POST") or "webhook-id" not in one.headers


def test_the_receiver_is_not_told_the_password(seen: Seen) -> None:
    """Proxy-Authorization is for the proxy."""
    assert not [name for name in seen.forwarded if name.startswith("proxy-")]


def test_the_log_holds_no_password(seen: Seen) -> None:
    """G12: neither as the environment has it, nor as HTTP does."""
    assert PASSWORD not in seen.log
    assert BASIC.removeprefix("Basic ") not in seen.log


@pytest.mark.parametrize("status", [407, 502, 204])
def test_a_proxy_that_refuses_is_named(tmp_path: Path, status: int) -> None:
    """No tunnel is no answer of the receiver, not even if the proxy says 204."""
    with http_proxy.proxying(refuse=status) as proxy:
        assert _reason(tmp_path, proxy.port) == f"the proxy refused the connection (status {status})"


def test_a_proxy_that_is_down_is_named(tmp_path: Path) -> None:
    """The receiver is not to blame."""
    assert _reason(tmp_path, 9) == "could not connect to the proxy (Connection refused)"


def _reason(folder: Path, port: int) -> str:
    """Why a delivery by way of this port failed."""
    config = process.MINIMAL + _target("https://crm.test/s3cr3t")
    with process.served(folder, config, more={"HTTPS_PROXY": f"http://user:{PASSWORD}@127.0.0.1:{port}"}) as service:
        assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
        (line,) = service.wait_for("delivery rescheduled", 1)
        assert PASSWORD not in service.text()
        assert "s3cr3t" not in service.text()
    return str(line["reason"])


def _target(url: str) -> str:
    return f'\n[targets.crm]\nurl = "{url}"\nretry = "1h"\n'


def test_a_tunnel_that_leads_to_no_tls_is_no_delivery(tmp_path: Path) -> None:
    """The proxy's own 200 to CONNECT is never taken for the receiver's."""
    with http_proxy.proxying() as proxy, receiver.receiving() as plain:
        config = process.MINIMAL + _target(f"https://crm.test:{plain.url.rpartition(':')[2]}/")
        with process.served(tmp_path, config, more={"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            (line,) = service.wait_for("delivery rescheduled", 1)
    assert line["reason"].startswith("could not connect")
    assert [one.line.partition(":")[0] for one in proxy.asked] == ["CONNECT crm.test"]


def test_a_proxy_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """Nothing goes out past a proxy that somebody meant: one sentence, which names the variable and not its value."""
    (tmp_path / "config.toml").write_text(process.MINIMAL + '[targets.crm]\nurl = "https://crm.example.com/"\n')
    proxy = f"socks5://user:{PASSWORD}@127.0.0.1:1080"
    done = process.run("serve", "--port", "0", cwd=tmp_path, HTTPS_PROXY=proxy)
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert said.startswith("plivo-autoreply: HTTPS_PROXY: write http://host:port")
    assert PASSWORD not in done.stderr
