"""`dev` and `serve --watch`: a change of a file takes effect by itself."""

import re
import urllib.request
from pathlib import Path

from support import process, scrape, wire

OLD, NEW = "Thanks, we got your message.", "We have moved."
FUNCTION = """
async def reply(message, context):
    return "{text}"
"""
PYTHON = process.MINIMAL.replace(f'text = "{OLD}"', 'rules = ["own"]\n[rules.own]\npython = "own:reply"')


def _answer(service: process.Served) -> str | None:
    return wire.answered(service, wire.message())


def test_watch_reloads_a_file_that_has_changed(tmp_path: Path) -> None:
    """Also one that was swapped for another by a link, as orchestrators do."""
    (tmp_path / "one.toml").write_text(process.MINIMAL)
    (tmp_path / "two.toml").write_text(process.MINIMAL.replace(OLD, NEW))
    (tmp_path / "config.toml").symlink_to("one.toml")
    service = process.Served(tmp_path, "--watch")
    try:
        assert _answer(service) == OLD
        (tmp_path / "next").symlink_to("two.toml")
        (tmp_path / "next").rename(tmp_path / "config.toml")
        service.wait_for("reloaded")
        assert _answer(service) == NEW
    finally:
        assert service.stop() == 0


def test_changed_code_of_a_rule_takes_a_restart(tmp_path: Path) -> None:
    """`serve --watch` says so, and goes on with the code that it has; a change of the file alone takes none."""
    (tmp_path / "own.py").write_text(FUNCTION.format(text=OLD))
    with process.served(tmp_path, PYTHON, "--watch") as service:
        assert _answer(service) == OLD
        (tmp_path / "config.toml").write_text(PYTHON + "# a change\n")
        (of_file,) = service.wait_for("reloaded")
        (tmp_path / "own.py").write_text(FUNCTION.format(text=NEW))
        of_code = service.wait_for("reloaded", 2)[1]
        assert (of_file.get("needs_restart"), of_code["needs_restart"]) == (None, ["the code of Python rules"])
        assert _answer(service) == OLD


def test_dev_serves_on_loopback_and_restarts_itself(tmp_path: Path) -> None:
    """It says how to text it, reloads the file, and starts again with changed code."""
    (tmp_path / "own.py").write_text(FUNCTION.format(text=OLD))
    (tmp_path / "config.toml").write_text(PYTHON + '[logging]\nformat = "json"\n')
    service = process.Served(tmp_path, verb="dev")
    try:
        assert re.search(r"plivo-autoreply send -c config\.toml --url http://127\.0\.0\.1:0 ", service.text())
        assert service.wait_for("listening")[0]["host"] == "127.0.0.1"
        assert _answer(service) == OLD
        _check_console(service)
        (tmp_path / "own.py").write_text(FUNCTION.format(text=NEW))
        port = service.wait_for("listening", 2)[1]["port"]
        service.url = f"http://127.0.0.1:{port}"
        assert _answer(service) == NEW
    finally:
        assert service.stop() == 0


def _check_console(service: process.Served) -> None:
    """It is on loopback, open without a token, and only under its own name; an action needs a form of its own."""
    (line,) = service.wait_for("admin listening")
    assert line["host"] == "127.0.0.1"
    assert f"Text it: http://127.0.0.1:{line['port']}/console/phone, or from another terminal:\n" in service.text()
    status, page = scrape.get(service, "/console/phone")
    assert (status, b"Nothing is stored" in page) == (200, True)
    url = f"http://127.0.0.1:{line['port']}/console/phone"
    assert process.fetch(urllib.request.Request(url, headers={"Host": "sms.example.com"}))[0] == 403
    assert scrape.get(service, "/console/phone", "POST")[0] in (403, 415)
    assert scrape.get(service, "/api/v1/status")[0] == 404


def test_dev_of_a_file_with_a_public_admin_socket_stays_on_loopback(tmp_path: Path) -> None:
    """Its port and its test senders count, its address does not; the API still needs the token."""
    admin = '[admin]\nlisten = "0.0.0.0:0"\ntoken = "let-me-in-please"\ntest_senders = "+33600000001"\n'
    (tmp_path / "config.toml").write_text(process.MINIMAL + admin + '[logging]\nformat = "json"\n')
    service = process.Served(tmp_path, verb="dev")
    try:
        assert service.wait_for("admin listening")[0]["host"] == "127.0.0.1"
        assert b"+33600000001" in scrape.get(service, "/console/phone?mode=live")[1]
        assert scrape.get(service, "/api/v1/status")[0] == 401
    finally:
        assert service.stop() == 0


def test_dev_needs_no_token(tmp_path: Path) -> None:
    """A stand-in verifies what `send` signs; another file's own name for its token is its own affair."""
    (tmp_path / "config.toml").write_text(process.MINIMAL + '[logging]\nformat = "json"\n')
    service = process.Served(tmp_path, verb="dev", without=("PLIVO_AUTH_TOKEN",))
    try:
        assert 'the token is "demo-token"' in service.text()
        to = ("--url", service.url, "--to", "+33644600000", "--from", "+33700000001", "--text", "hello")
        sent = process.run("send", *to, cwd=tmp_path, PLIVO_AUTH_TOKEN="demo-token")
        assert (sent.returncode, OLD in sent.stdout) == (0, True)
    finally:
        assert service.stop() == 0


def test_dev_without_a_file_says_how_to_write_one(tmp_path: Path) -> None:
    """`init` is the next step."""
    done = process.run("dev", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no config.toml; write one with: plivo-autoreply init" in done.stderr
