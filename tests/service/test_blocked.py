"""A report that Plivo blocked our message (error 200) is the proof of an opt-out that we did not see."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import plivo_sdk, process, scrape, wire

CONFIG = (
    process.HEAD
    + scrape.ADMIN
    + """
[[routes]]
name = "shop"
to = "+33644600000"
text = "Answer."
[[routes]]
name = "off"
to = "+33644600003"
text = "Answer."
opt_out = { mode = "off" }
"""
)
SHOP, OFF = "33644600000", "33644600003"
STOPPED, BACK = "You will get no more messages. START to resume.", "Welcome back."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Served]:
    """One for all."""
    with process.served(tmp_path_factory.mktemp("blocked"), CONFIG) as running:
        yield running


def _say(service: process.Served, sender: str, text: str = "hello", to: str = SHOP) -> tuple[str, str | None]:
    """A new message; its MessageUUID and the answer."""
    params = wire.message(From=sender, To=to, Text=text)
    status, xml = wire.tell(service, params)
    assert status == 200
    return dict(params)["MessageUUID"], wire.text_of(xml)


def _blocked(service: process.Served, to: str, path: str = "/report", **changes: str) -> list[tuple[str, str]]:
    params = plivo_sdk.report(To=to, Status="failed", ErrorCode="200", **changes)
    assert wire.tell(service, params, path)[0] == 200
    return params


def _opt_outs(folder: Path, person: str) -> list[dict[str, Any]]:
    listed = process.run("optout", "list", f"+{person}", "--all", "--json", cwd=folder)
    rows: list[dict[str, Any]] = json.loads(listed.stdout)
    return rows


def test_blocked_message_opts_its_recipient_out(service: process.Served) -> None:
    """From then on nothing is sent, until START; `optout list` has the evidence; a repeat makes no second row."""
    sender = wire.sender()
    uuid, answer = _say(service, sender)
    assert answer == "Answer."
    params = _blocked(service, sender, f"/report/{uuid}")
    assert _say(service, sender)[1] is None
    assert wire.tell(service, params, f"/report/{uuid}")[0] == 200
    _blocked(service, sender, Sequence="2")
    (row,) = _opt_outs(service.folder, sender)
    assert (row["number"], row["person"], row["source"]) == (f"+{SHOP}", f"+{sender}", "report")
    assert (row["word"], row["signed_by"], row["message_uuid"]) == ("error 200", "V3", None)
    assert _say(service, sender, "START")[1] == BACK
    assert _say(service, sender)[1] == "Answer."
    service.wait_for("opt-out recorded: Plivo blocked a message", to=f"..{sender[-4:]}")


def test_repeat_of_the_blocked_answer_is_silence(service: process.Served) -> None:
    """G9 takes precedence over G3: Plivo's retry of the message gets no text either."""
    params = wire.message()
    assert wire.answered(service, params) == "Answer."
    _blocked(service, dict(params)["From"])
    assert wire.answered(service, params) is None


def test_report_of_an_answer_before_start_proves_nothing(service: process.Served) -> None:
    """Plivo's late report of what it blocked before the person came back keeps nobody out."""
    sender = wire.sender()
    uuid, _ = _say(service, sender)
    assert [_say(service, sender, text)[1] for text in ("STOP", "START")] == [STOPPED, BACK]
    _blocked(service, sender, f"/report/{uuid}")
    uuid, answer = _say(service, sender)
    assert answer == "Answer."
    _blocked(service, sender, f"/report/{uuid}")
    assert _say(service, sender)[1] is None


@pytest.mark.parametrize(
    ("changes", "to"),
    [
        ({"ErrorCode": "201"}, SHOP),
        ({"ErrorCode": ""}, SHOP),
        ({"From": ""}, SHOP),
        ({"From": "33644600009"}, SHOP),  # another number of ours
        ({"From": OFF}, OFF),  # it honours no opt-outs: that is left to Plivo
    ],
)
def test_other_reports_opt_nobody_out(service: process.Served, changes: dict[str, str], to: str) -> None:
    """Only this error, and only for the number that was blocked, unless its mode is "off"."""
    sender = wire.sender()
    params = plivo_sdk.report(**({"To": sender, "Status": "failed", "ErrorCode": "200"} | changes))
    assert wire.tell(service, params, "/report")[0] == 200
    assert _say(service, sender, to=to)[1] == "Answer."


def test_proof_of_it_is_kept_as_long_as_the_opt_out(service: process.Served) -> None:
    """G2: the signature of the report cannot be used for another content, for as long as the opt-out counts."""
    sender = wire.sender()
    params = plivo_sdk.report(To=sender, Status="failed", ErrorCode="200")
    before = _kept(service.folder)
    assert wire.tell(service, params, "/report")[0] == 200
    assert _kept(service.folder) == before + 1


def _kept(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "autoreply.db")) as store:
        return int(store.execute("SELECT count(*) FROM proofs WHERE opt_out = 1").fetchone()[0])


def test_unsigned_report_opts_nobody_out(tmp_path: Path) -> None:
    """G1: in log-only mode what was not verified never changes an opt-out."""
    config = CONFIG.replace("[plivo]", '[plivo]\nsignature = "log-only"')
    with process.served(tmp_path, config) as service:
        sender = wire.sender()
        params = plivo_sdk.report(To=sender, Status="failed", ErrorCode="200")
        assert process.call(service, "POST", "/report", params, {})[0] == 200
        assert _say(service, sender)[1] == "Answer."


def test_it_is_counted(service: process.Served) -> None:
    """As every opt-out is."""
    before = scrape.value(scrape.scraped(service), "opt_outs_total", route="shop", change="out")
    _blocked(service, wire.sender())
    assert scrape.value(scrape.scraped(service), "opt_outs_total", route="shop", change="out") == before + 1
