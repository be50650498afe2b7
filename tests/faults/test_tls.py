"""TLS from outside: who must prove a name, who is trusted, as whom we come, and that no failure tells a URL."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from support import misbehaving, plivo_sdk, process, secured, wire

from app.http_client import HttpClient, RequestFailed

TARGETS = ("good", "elsewhere", "stranger")
UNTRUSTED = "its certificate is not trusted"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority of a company of one's own."""
    return trustme.CA()


def _deliveries(folder: Path) -> dict[str, dict[str, Any]]:
    """The state of each target's only delivery."""
    done = process.run("deliveries", "list", "--json", cwd=folder)
    return {row["target"]: row for row in json.loads(done.stdout)}


def test_only_a_receiver_that_proves_its_name_gets_a_report(tmp_path: Path, authority: trustme.CA) -> None:
    """With SSL_CERT_FILE an authority of one's own is trusted; another name, or a stranger's word for it, is not."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with (
        secured.secured(authority.issue_cert("localhost")) as good,
        secured.secured(authority.issue_cert("elsewhere.example")) as elsewhere,
        secured.secured(trustme.CA().issue_cert("localhost")) as stranger,
    ):
        receivers = dict(zip(TARGETS, (good, elsewhere, stranger), strict=True))
        tables = [f'[targets.{name}]\nurl = "{one.url}"\nretry = "1h"' for name, one in receivers.items()]
        config = "\n".join([process.MINIMAL, *tables])
        with process.served(tmp_path, config, more={"SSL_CERT_FILE": str(tmp_path / "authority.pem")}) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            errors = service.wait_for("delivery rescheduled", 2)
        found = _deliveries(tmp_path)
    assert {name: row["state"] for name, row in found.items()} == dict(
        zip(TARGETS, ("done", "due", "due"), strict=True)
    )
    assert (len(good.posts), elsewhere.posts, stranger.posts) == (1, [], [])
    assert found["elsewhere"]["error"] == f"{UNTRUSTED} (it is for another host name)"
    assert found["stranger"]["error"].startswith(f"{UNTRUSTED} (its authority is not trusted")
    assert {line["reason"] for line in errors} == {found[name]["error"] for name in TARGETS[1:]}


async def test_without_it_nobody_but_the_public_authorities_is_trusted(authority: trustme.CA) -> None:
    """What the tests' own authority vouches for is refused when nobody said to trust it."""
    with secured.secured(authority.issue_cert("localhost")) as good:
        async with HttpClient(connections=1, user_agent="test/1") as outbound:
            with pytest.raises(Exception, match=rf"^{UNTRUSTED}"):
                await outbound.post(good.url, b"{}", {}, timeout=5, cap=10)
    assert good.posts == []


async def _failure(url: str, authority: trustme.CA) -> str | None:
    """Why a POST under this authority got no answer."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with HttpClient(connections=1, user_agent="test/1") as outbound:
        try:
            await outbound.post(url, b"{}", {}, timeout=5, cap=10, tls=context)
        except RequestFailed as error:
            return str(error)
    return None


@pytest.mark.parametrize(
    ("identity", "said"),
    [("127.0.0.1", None), ("127.0.0.2", f"{UNTRUSTED} (it is for another IP address)")],
)
async def test_an_address_is_proved_as_a_name_is(authority: trustme.CA, identity: str, said: str | None) -> None:
    """A certificate may be for an IP address, and then for that one only."""
    with secured.secured(authority.issue_cert(identity)) as receiver:
        assert await _failure(f"https://127.0.0.1:{receiver.port}", authority) == said


async def test_a_receiver_too_old_for_us_says_why(authority: trustme.CA) -> None:
    """One that speaks TLS 1.1 at best refuses ours with an alert."""
    alert = bytes(
        [21, 3, 1, 0, 2, 2, 70]
    )  # fatal, protocol_version: https://www.rfc-editor.org/rfc/rfc5246#section-7.2

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(alert)
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await _failure(url, authority) == "could not connect (no TLS version in common)"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_refused_at_the_start(tmp_path: Path, content: str | None) -> None:
    """G11: a file that is not there, or holds none, stops the start with one sentence that names the variable."""
    authorities = tmp_path / "authorities.pem"
    if content is not None:
        authorities.write_text(content)
    (tmp_path / "config.toml").write_text(process.MINIMAL + '[targets.crm]\nurl = "https://crm.example.com/"\n')
    done = process.run("serve", "--port", "0", cwd=tmp_path, SSL_CERT_FILE=str(authorities))
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert said.startswith("plivo-autoreply: SSL_CERT_FILE or SSL_CERT_DIR: ")


FILES = 'ca_file = "pem/ca.pem"\nclient_cert = "pem/{who}.pem"\nclient_key = "pem/{who}.key"'
WEBHOOK = """
[[routes]]
name = "bot"
to = "+33644600009"
webhook = "{url}"
targets = []
{files}
"""


def test_a_client_certificate_for_each_receiver(tmp_path: Path, authority: trustme.CA) -> None:
    """`ca_file`, `client_cert` and `client_key` of a target and of a webhook rule: each receiver knows who comes, and
    those who come as nobody or as a stranger are refused.
    """
    _write_pems(tmp_path / "pem", authority)
    ours = authority.issue_cert("localhost")
    with secured.secured(ours, authority) as target, secured.secured(ours, authority, b"Hi from the bot.\n") as bot:
        files = {
            "me": FILES.format(who="me"),
            "nobody": FILES.splitlines()[0],
            "stranger": FILES.format(who="stranger"),
        }
        tables = [f'[targets.{name}]\nurl = "{target.url}"\nretry = "1h"\n{one}' for name, one in files.items()]
        config = "\n".join([process.MINIMAL, WEBHOOK.format(url=bot.url, files=files["me"]), *tables])
        with process.served(tmp_path, config) as service:
            assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            status, xml = wire.tell(service, wire.message(To="33644600009"))
            service.wait_for("delivery rescheduled", 2)
        found = _deliveries(tmp_path)
    assert (status, wire.text_of(xml), len(bot.posts)) == (200, "Hi from the bot.", 1)
    assert ({name: row["state"] for name, row in found.items()}, len(target.posts)) == (
        {"me": "done", "nobody": "due", "stranger": "due"},
        1,
    )


def _write_pems(folder: Path, authority: trustme.CA) -> None:
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name, one in (("me", authority.issue_cert("me")), ("stranger", trustme.CA().issue_cert("me"))):
        one.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        one.private_key_pem.write_to_path(str(folder / f"{name}.key"))


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (("me", "stranger"), "client_key: cannot be used: the private key does not match client_cert"),
        (("me", "gone"), "client_key: file pem/gone.key cannot be read: No such file or directory"),
        (("ca", "me"), "client_key: cannot be used: the private key does not match client_cert"),
    ],
)
def test_files_that_cannot_be_used_are_faults_of_the_config(
    tmp_path: Path, authority: trustme.CA, pem: tuple[str, str], said: str
) -> None:
    """G11: `check` names the option of the target and of the rule, and what to do; never what is in a file."""
    _write_pems(tmp_path / "pem", authority)
    files = f'client_cert = "pem/{pem[0]}.pem"\nclient_key = "pem/{pem[1]}.key"'
    webhook = WEBHOOK.format(url="https://bot.example.com", files=files)
    target = f'[targets.crm]\nurl = "https://crm.example.com"\n{files}'
    (tmp_path / "config.toml").write_text(f"{process.MINIMAL}\n{webhook}\n{target}")
    done = process.run("check", cwd=tmp_path)
    assert done.returncode == 2
    assert f"targets.crm.{said}" in done.stderr
    assert f"routes.bot.{said}" in done.stderr
    assert "PRIVATE" not in done.stderr + done.stdout


# What may stand nowhere but in the config file


SECRETS = ("s3cr3t", "TOPSECRET", "hunter2")
PATH = f"/hook/{SECRETS[0]}?key={SECRETS[1]}"
LEAKY = """
[targets.{name}]
url = "{url}"
headers = {{ X-Key = "hunter2" }}
timeout = "1s"
retry = ["1s", "1h"]
[[routes]]
name = "{name}"
to = "{number}"
webhook = "{url}"
headers = {{ X-Key = "hunter2" }}
timeout = "1s"
targets = []
"""


@dataclass
class Traces:
    """All that a service leaves behind when its receivers fail it."""

    folder: Path
    log: str
    reasons: dict[str, str]  # of the targets' deliveries
    shown: str  # what the commands print


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Traces]:
    """Reports and messages for receivers that fail in ways that libraries tell with the URL."""
    folder = tmp_path_factory.mktemp("traces")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    ours = authority.issue_cert("localhost")
    with ExitStack() as stack:
        demanding = stack.enter_context(secured.secured(ours, authority))
        named = stack.enter_context(secured.secured(authority.issue_cert("elsewhere.example")))
        talks = {"hangs-up": misbehaving.hang_up, "resets": misbehaving.reset, "hangs": misbehaving.hang}
        bad = {name: stack.enter_context(misbehaving.misbehaving(talk)).url for name, talk in talks.items()}
        urls = {
            **bad,
            "no-tls": bad["hangs-up"].replace("http:", "https:"),
            "wants-certificate": demanding.url,
            "other-name": named.url,
            "nobody": "http://127.0.0.1:9",
            "no-host": f"http://{'a' * 64}.example",
        }
        tables = [
            LEAKY.format(name=name, url=url + PATH, number=str(33_644_700_000 + index))
            for index, (name, url) in enumerate(urls.items())
        ]
        config = "\n".join([process.MINIMAL, *tables])
        with process.served(folder, config, more={"SSL_CERT_FILE": str(folder / "ca.pem")}) as service:
            for _ in range(2):
                assert wire.tell(service, plivo_sdk.report(), "/report")[0] == 200
            for index in range(len(urls)):
                wire.tell(service, wire.message(To=str(33_644_700_000 + index), From="33700000001"))
            service.wait_for("delivery rescheduled", 2 * 2 * len(urls))
        rows = json.loads(process.run("deliveries", "list", "--json", cwd=folder).stdout)
        commands = [("deliveries", "list"), ("deliveries", "list", "--json"), ("history", "+33700000001", "--json")]
        commands += [("history", "+33700000001"), *(("deliveries", "list", str(row["id"])) for row in rows[:9])]
        with ThreadPoolExecutor(4) as pool:
            shown = list(pool.map(lambda command: process.run(*command, cwd=folder), commands))
        yield Traces(
            folder,
            service.log.read_text(),
            {row["target"]: row["error"] for row in rows},
            "".join(done.stdout + done.stderr for done in shown),
        )


def test_the_receivers_failed_as_they_should(traces: Traces) -> None:
    """Each for its own reason, or nothing would be proved below."""
    reasons = traces.reasons
    assert reasons["other-name"] == f"{UNTRUSTED} (it is for another host name)"
    assert reasons["nobody"] == "could not connect (Connection refused)"
    assert reasons["hangs"] == "no answer within 1 s"
    assert reasons["no-host"] == "the URL has no valid host"
    for name in ("wants-certificate", "resets"):
        assert reasons[name].startswith("the connection failed"), reasons
    assert reasons["no-tls"].startswith("could not connect")


@pytest.mark.parametrize("secret", SECRETS)
def test_no_failure_tells_a_url(traces: Traces, secret: str) -> None:
    """G12: no part of a URL's path or query, and no header, is in the log, the store, or what a command prints."""
    assert secret not in traces.log
    assert secret not in traces.shown
    files = [file for file in traces.folder.iterdir() if file.name not in ("config.toml", "ca.pem", "serve.log")]
    assert any(file.suffix == ".db" for file in files)
    assert [file.name for file in files if secret.encode() in file.read_bytes()] == []
