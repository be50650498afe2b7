"""`doctor` finds what is wrong between Plivo and the service, and names what to change. A real service, behind a proxy
that gets in its way.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from support import plivo_sdk, process
from support.front import Front, Passing, Response, front
from support.plivo_api import AUTH_ID, Failure, PlivoAccount, plivo_api
from support.receiver import receiving
from support.secured import secured

from app.config import load
from app.operations.doctor import Check, examine

CONFIG = """
[server]
public_url = "{url}"
[plivo]
auth_tokens = ["{token}"{tokens}]
{plivo}
[store]
keep = "30d"
{store}
[[routes]]
{routes}
text = "Got it."
{more}
"""


def config(url: str, token: str = plivo_sdk.TOKEN, routes: str = 'to = "*"', **parts: str) -> str:
    """A file of the service behind this URL."""
    empty = dict.fromkeys(("tokens", "plivo", "store", "more"), "")
    return CONFIG.format(**{**empty, "url": url, "token": token, "routes": routes, **parts})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A service below the path /sms of a proxy."""
    folder = tmp_path_factory.mktemp("service")
    with front() as proxy, process.served(folder, config(f"{proxy.url}/sms")) as service:
        proxy.upstream = service.url
        yield proxy


@pytest.fixture
def proxy(running: Front) -> Front:
    """The same, doing as it should."""
    running.behave()
    return running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the doctor's file is, and its store would be."""
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path))
    return tmp_path


def diagnose(folder: Path, text: str) -> dict[str, Check]:
    """The checks of a file by name; of several with one name the last."""
    (folder / "config.toml").write_text(text)
    loaded = load(folder / "config.toml")
    return {check.name: check for check in asyncio.run(examine(loaded.settings, loaded.runtime))}


def levels(checks: dict[str, Check], *names: str) -> list[str]:
    """How these checks came out."""
    return [checks[name].level for name in names]


SIGNATURES = [f"signature {scheme}" for scheme in plivo_sdk.SCHEMES]


def test_a_way_that_works(proxy: Front, folder: Path) -> None:
    """Name, port, path, clock and every signature are checked; nothing is wrong with a service that works."""
    checks = diagnose(folder, config(f"{proxy.url}/sms"))
    assert [check for check in checks.values() if check.level == "error"] == []
    assert (
        levels(checks, "connect", "path", "proxy", "time", "clock", "signature", *SIGNATURES, "buffering")
        == ["ok"] * 11
    )
    assert checks["buffering"].message.startswith("a proxy passes requests on when they are complete")
    assert checks["dns"].level == "warning"
    assert "no public one" in checks["dns"].message


def test_a_probe_has_no_field(proxy: Front, folder: Path) -> None:
    """What is posted is signed and empty, so no rule can run and nothing can be stored."""
    diagnose(folder, config(f"{proxy.url}/sms"))
    posts = [passing for passing in proxy.seen if any("signature" in name.lower() for name in passing.headers)]
    assert {(post.path, post.body) for post in posts} == {("/sms/message", b"")}
    assert len(posts) == 5


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    """The store of a service that was examined holds no message and no proof."""
    with front() as proxy, process.served(tmp_path, config(proxy.url)) as service:
        proxy.upstream = service.url
        done = process.run("doctor", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        found = json.loads(done.stdout)
        assert (found["ok"], found["errors"]) == (True, 0)
        assert {check["level"] for check in found["checks"] if check["name"].startswith(("store", "disk"))} == {"ok"}
        assert "messages" not in process.run("history", "+33700000001", cwd=tmp_path).stdout
        copied = process.run("backup", str(tmp_path / "copy.db"), cwd=tmp_path)
        assert copied.returncode == 0
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(tmp_path / "copy.db") as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("messages", "proofs")]  # noqa: S608
    connection.close()
    assert counts == [(0,), (0,)]


def test_another_token(proxy: Front, folder: Path) -> None:
    """A service with another token refuses what Plivo would sign, and the doctor says where to look."""
    checks = diagnose(folder, config(f"{proxy.url}/sms", token="rotated"))
    assert levels(checks, "signature", *SIGNATURES) == ["ok", "error", "error", "error", "error"]
    assert checks["signature V3"].message == "is not verified"
    assert "the same tokens? Reload or restart it" in str(checks["signature V3"].advice)


def test_each_token_is_tried(proxy: Front, folder: Path) -> None:
    """While one is rotated, the file may know a token that the service does not know yet."""
    checks = diagnose(folder, config(f"{proxy.url}/sms", tokens=', "rotated"'))
    assert levels(checks, *SIGNATURES, "token 2") == ["ok", "ok", "ok", "ok", "error"]


def test_another_mode(proxy: Front, folder: Path) -> None:
    """A file that says v3 or log-only is compared with the service that runs."""
    checks = diagnose(folder, config(f"{proxy.url}/sms", plivo='signature = "v3"'))
    assert levels(checks, *SIGNATURES) == ["warning", "warning", "ok", "ok"]
    checks = diagnose(folder, config(f"{proxy.url}/sms", plivo='signature = "log-only"'))
    assert checks["signature"].message == "a wrong signature is refused, although the file says log-only"


def test_a_service_that_verifies_nothing(folder: Path) -> None:
    """log-only is told as a warning where the file says so, and as an error where it does not."""
    (folder / "service").mkdir()
    text = config("{url}", plivo='signature = "log-only"')
    with front() as proxy, process.served(folder / "service", text.replace("{url}", proxy.url)) as service:
        proxy.upstream = service.url
        checks = diagnose(folder, text.replace("{url}", proxy.url))
        assert checks["signature"] == Check(
            "signature",
            "warning",
            "a wrong signature is accepted: signature = log-only",
            "remove it once all signatures match",
        )
        assert diagnose(folder, config(proxy.url))["signature"].level == "error"


def _redirect(passing: Passing) -> Response:
    return Response(301, {"location": f"https://elsewhere.example{passing.path}?secret=hush"}, b"")


def test_a_redirect(proxy: Front, folder: Path) -> None:
    """Signatures are made for the URL that Plivo calls, so a redirect can never work."""
    proxy.answers = _redirect
    checks = diagnose(folder, config(f"{proxy.url}/sms"))
    assert checks["path"].level == "error"
    assert checks["path"].message.endswith("redirects (status 301) to https://elsewhere.example/sms/health")
    assert "set [server] public_url to the address that needs no redirect" in str(checks["path"].advice)
    assert "signature" not in checks


def test_only_post_is_redirected(proxy: Front, folder: Path) -> None:
    """A proxy that redirects /message alone is found by the probe."""
    proxy.answers = lambda passing: _redirect(passing) if passing.method == "POST" else None
    checks = diagnose(folder, config(f"{proxy.url}/sms"))
    assert checks["path"].level == "ok"
    assert "gets status 301, which is not the service's answer" in checks["signature V3"].message


def test_a_wrong_path(proxy: Front, folder: Path) -> None:
    """A path that leads nowhere is told with the prefix that the proxy must forward."""
    checks = diagnose(folder, config(f"{proxy.url}/text"))
    assert checks["path"].level == "error"
    assert checks["path"].message.endswith("/text/health is not found (status 404)")
    assert checks["path"].advice == "let the proxy forward /text/ to the service, with or without that prefix"


@pytest.mark.parametrize("body", [b"<html>Welcome to nginx!</html>", b'{"status": "up"}', b"[1]"])
def test_something_else_answers(proxy: Front, folder: Path, body: bytes) -> None:
    """A page of somebody else's is not taken for the service."""
    proxy.answers = lambda _: Response(200, {"content-type": "text/html"}, body)
    checks = diagnose(folder, config(f"{proxy.url}/sms"))
    assert "is not answered by the service, but by something else (status 200)" in checks["path"].message


def test_a_service_that_is_down(proxy: Front, folder: Path) -> None:
    """The proxy's 502 is told apart from the service."""
    proxy.answers = lambda _: Response(502, {"content-type": "text/html"}, b"<h1>502 Bad Gateway</h1>")
    assert "something else (status 502)" in diagnose(folder, config(f"{proxy.url}/sms"))["path"].message


def test_a_firewall(proxy: Front, folder: Path) -> None:
    """A 403 that is not the service's is no verdict on a signature."""
    waf = Response(403, {"content-type": "text/html"}, b"Request blocked.")
    proxy.answers = lambda passing: waf if passing.method == "POST" else None
    checks = diagnose(folder, config(f"{proxy.url}/sms"))
    assert "gets status 403, which is not the service's answer" in checks["signature V3"].message
    assert "look at the proxy or its firewall" in str(checks["signature V3"].advice)


def test_headers_that_get_lost(proxy: Front, folder: Path) -> None:
    """A proxy that removes Plivo's headers makes every signature one that is not verified."""

    def strip(passing: Passing) -> Passing:
        kept = {name: value for name, value in passing.headers.items() if "-Ma-" not in name.title()}
        return Passing(passing.method, passing.path, kept, passing.body)

    proxy.change = strip
    assert levels(diagnose(folder, config(f"{proxy.url}/sms")), *SIGNATURES) == ["ok", "error", "ok", "error"]


def test_what_headers_tell(proxy: Front, folder: Path) -> None:
    """A cache, compression and a clock that is off are found in an answer's headers."""
    ahead = (datetime.now(UTC) + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    proxy.more = {"via": "1.1 varnish", "age": "17", "content-encoding": "br", "date": ahead}
    checks = diagnose(folder, config(f"{proxy.url}/sms"))
    assert "via 1.1 varnish" in checks["proxy"].message
    assert levels(checks, "cache", "compression", "clock") == ["error", "warning", "error"]
    assert "behind the Date header of public_url" in checks["clock"].message


def test_nobody_listens(folder: Path) -> None:
    """A port that nobody listens at ends the way there."""
    checks = diagnose(folder, config("http://localhost:9"))
    assert checks["connect"].level == "error"
    assert "could not connect (Connection refused)" in checks["connect"].message
    assert "path" not in checks


def _examine_tls(folder: Path, authority: trustme.CA, certificate: trustme.LeafCert) -> list[dict[str, Any]]:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with front(certificate) as proxy, process.served(folder, config(proxy.url)) as service:
        proxy.upstream = service.url
        done = process.run("doctor", "--json", cwd=folder, SSL_CERT_FILE=str(folder / "ca.pem"))
        return json.loads(done.stdout)["checks"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (60, "ok", "its certificate is valid until"),
        (3, "warning", "its certificate is valid until"),
        (-1, "error", "its certificate is not trusted (it has expired)"),
    ],
)
def test_a_certificate_and_its_end(tmp_path: Path, days: int, level: str, said: str) -> None:
    """A certificate that has expired, or will soon, is told before Plivo finds out."""
    authority, now = trustme.CA(), datetime.now(UTC)
    leaf = authority.issue_cert("localhost", not_before=now - timedelta(days=90), not_after=now + timedelta(days=days))
    checks = {check["name"]: check for check in _examine_tls(tmp_path, authority, leaf)}
    assert checks["tls"]["level"] == level
    assert said in checks["tls"]["message"]
    assert ("signature" in checks) == (level != "error")


def test_a_certificate_of_somebody_else(tmp_path: Path) -> None:
    """One for another name is told as such, with what to get."""
    authority = trustme.CA()
    checks = {check["name"]: check for check in _examine_tls(tmp_path, authority, authority.issue_cert("a.example"))}
    assert checks["tls"]["message"].endswith("(it is for another host name)")
    assert checks["tls"]["advice"] == "get a certificate for the host of public_url"


def test_targets_and_webhooks(folder: Path) -> None:
    """Hosts are connected to and nothing is posted; a message names host and port, never a path."""
    certificate = trustme.CA().issue_cert("localhost")
    with receiving() as crm, secured(certificate) as untrusted:
        more = f"""
        [targets.crm]
        url = "{crm.url}/hook?key=hush"
        [targets.gone]
        url = "http://localhost:9/hook?key=hush"
        [targets.untrusted]
        url = "{untrusted.url}/hook?key=hush"
        """
        routes = f'name = "shop"\nto = "+33644600000"\nrules = ["bot"]\n[rules.bot]\nwebhook = "{crm.url}/bot?key=hush"'
        text = config("http://localhost:8", routes=routes, more=more).replace('text = "Got it."', "")
        checks = diagnose(folder, text)
    assert levels(checks, "target crm", "target gone", "target untrusted", "rule bot") == ["ok", "error", "error", "ok"]
    assert "its authority is not trusted" in checks["target untrusted"].message
    assert crm.received == []
    assert "hush" not in repr(checks)
    assert "/hook" not in repr(checks)


def test_a_store_that_is_not_there(folder: Path) -> None:
    """The doctor makes no store, so that it cannot hide that the path is wrong."""
    checks = diagnose(folder, config("http://localhost:9"))
    assert checks["store"].level == "warning"
    assert not (folder / "autoreply.db").exists()


def test_a_store_that_is_broken(folder: Path) -> None:
    """A file that is no database is an error, and so is one that this version must migrate first."""
    (folder / "autoreply.db").write_bytes(b"no database" * 100)
    checks = diagnose(folder, config("http://localhost:9"))
    assert checks["store"].level == "error"
    (folder / "autoreply.db").write_bytes(b"")
    assert "plivo-autoreply migrate" in diagnose(folder, config("http://localhost:9"))["store"].message


@pytest.mark.parametrize(("share", "level"), [(0.5, "ok"), (0, "ok"), (1.1, "error"), (0.9, "warning")])
def test_a_disk_and_its_reserve(folder: Path, share: float, level: str) -> None:
    """Less free than the reserve is an error; little more is a warning."""
    (folder / "autoreply.db").touch()
    space = os.statvfs(folder)
    reserve = int(
        space.f_bavail * space.f_frsize * share / 2 if share == 0.5 else space.f_bavail * space.f_frsize * share
    )
    size = reserve // 4 if share == 0.5 else reserve
    checks = diagnose(
        folder, config("http://localhost:9", store=f'reserve = "{size >> 10}KiB"' if size else 'reserve = "0B"')
    )
    assert checks["disk"].level == level


@pytest.fixture
def account() -> Iterator[PlivoAccount]:
    """An account at Plivo whose application leads to http://localhost:9."""
    with plivo_api() as account:
        yield account


def examine_account(folder: Path, account: PlivoAccount, routes: str = 'to = "*"') -> list[Check]:
    """The checks that ask Plivo."""
    plivo = f'auth_id = "{AUTH_ID}"\napi_url = "{account.url}"'
    (folder / "config.toml").write_text(config("http://localhost:9", plivo=plivo, routes=routes))
    loaded = load(folder / "config.toml")
    checks = asyncio.run(examine(loaded.settings, loaded.runtime))
    return [check for check in checks if check.name in ("plivo", "plivo's clock", "application", "numbers")]


def test_plivo_has_it_all(folder: Path, account: PlivoAccount) -> None:
    """An application and numbers that are as they should be; with `*` those that lead here are meant."""
    ours = account.add_application("plivo-autoreply", message_url="http://localhost:9/message")
    account.add_number("33644600000", ours)
    account.add_number("15550100000", ours, tendlc_registration_status="COMPLETED", tendlc_campaign_id="C1")
    account.add_number("18005550100", ours, number_type="tollfree", toll_free_sms_verification="VERIFIED")
    account.add_number("33644600009")
    checks = examine_account(folder, account)
    assert {check.level for check in checks} == {"ok"}
    assert [check.message for check in checks[1:]] == [
        'application "plivo-autoreply" calls http://localhost:9/message',
        "+33644600000, +15550100000, +18005550100: linked, and nothing known that would keep it from sending",
    ]


def test_what_keeps_a_number_from_sending(folder: Path, account: PlivoAccount) -> None:
    """10DLC, toll-free verification, no SMS, another application: each is said of the numbers that it is true of."""
    ours = account.add_application("plivo-autoreply", message_url="http://localhost:9/message")
    old = account.add_application("old", message_url="https://old.example/")
    account.add_number("15550100000", ours, tendlc_registration_status="UNREGISTERED")
    account.add_number("15550100001", ours, tendlc_registration_status="UNREGISTERED")
    account.add_number("15550100002", ours, tendlc_registration_status="PROCESSING")
    account.add_number("18005550100", ours, toll_free_sms_verification="UNVERIFIED")
    account.add_number("33644600000", old, sms_enabled=False)
    account.add_number("33644600001")
    numbers = ", ".join(f'"+{number}"' for number in [*account.numbers, "33644600009"])
    checks = examine_account(folder, account, f'name = "shop"\nto = [{numbers}]')
    assert [(check.level, check.message) for check in checks if check.name == "numbers"] == [
        ("error", "+15550100000, +15550100001: 10DLC: unregistered"),
        ("warning", "+15550100002: 10DLC: processing"),
        ("error", "+18005550100: toll-free verification: unverified"),
        ("error", '+33644600000: messages do not come here: it is linked to application "old"'),
        ("error", "+33644600000: it cannot receive SMS"),
        ("error", "+33644600001: messages do not come here: it is linked to no application"),
        ("warning", "+33644600009: not among the numbers of this Plivo account"),
    ]


def test_an_application_that_differs(folder: Path, account: PlivoAccount) -> None:
    """A message_url that leads elsewhere is an error, with the command that shows the rest."""
    account.add_application("plivo-autoreply", message_url="https://old.example/")
    (check,) = [check for check in examine_account(folder, account) if check.name == "application"]
    assert (check.level, check.advice) == ("error", "run: plivo-autoreply provision plan")
    assert "message_url is https://old.example/, not http://localhost:9/message" in check.message


def test_an_application_by_another_name(folder: Path, account: PlivoAccount) -> None:
    """One that was made by hand and works is no error; the key that names it is told."""
    account.add_application("by-hand", message_url="http://localhost:9/message")
    (check,) = [check for check in examine_account(folder, account) if check.name == "application"]
    assert (check.level, check.advice) == ("warning", 'set [plivo] application = "by-hand"')


def test_no_application(folder: Path, account: PlivoAccount) -> None:
    """None at all is an error."""
    (check,) = [check for check in examine_account(folder, account) if check.name == "application"]
    assert (check.level, check.message) == ("error", 'there is no application "plivo-autoreply"')


def test_plivo_refuses(folder: Path, account: PlivoAccount) -> None:
    """What Plivo refuses is one check; the others are made all the same."""
    account.failures.append(Failure("GET", "Application", 401))
    (check,) = examine_account(folder, account)
    assert (check.name, check.level) == ("plivo", "error")
    assert "Plivo refuses the credentials" in check.message
    assert plivo_sdk.TOKEN not in check.message


def test_without_auth_id_plivo_is_not_asked(folder: Path) -> None:
    """It is optional, and its absence is told."""
    assert diagnose(folder, config("http://localhost:9"))["plivo"].message.startswith("is not asked")
