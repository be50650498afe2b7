"""`history` answers at 3 a.m.: what came, what was answered and why, what Plivo reported, what each target said."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support import plivo_sdk, process, receiver, wire
from support.command import Shell

CONFIG = """
[[routes]]
name = "shop"
to = "+33644600000"
rules = ["hours", "prices", "ack"]
[rules.hours.keywords]
"HOURS" = "Open 9 to 6."
[rules.prices]
match = "price"
text = "It is cheap."
[rules.ack]
text = "Got it."
[[routes]]
name = "bot"
to = "+33644600001"
rules = "bot"
[rules.bot]
webhook = "{url}/bad"
[targets.good]
url = "{url}/good"
[targets.bad]
url = "{url}/bad"
retry = "1h"
"""
WHO = "33700000042"
SAID = b"no \x1b[2Jsuch\r\ncontact \xff\0"
CONFUSED = r"no \x1b[2Jsuch\r\ncontact \xff\x00"  # as a terminal may show it


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[process.Served, dict[str, str]]]:
    """A service, and what has happened there: a message, its reports, a silence, a report of another message."""
    folder = tmp_path_factory.mktemp("history")
    with (
        receiver.receiving(lambda received: (500, {}, SAID) if received.path == "/bad" else 204) as targets,
        process.served(folder, process.HEAD + CONFIG.format(url=targets.url)) as service,
    ):
        message = plivo_sdk.message(From=WHO, Text="What is the price?")
        assert wire.tell(service, message)[0] == 200
        uuid = dict(message)["MessageUUID"]
        report = plivo_sdk.report(To=WHO, Status="undelivered", ErrorCode="80", MessageUUID="the-reply")
        assert wire.tell(service, report, f"/report/{uuid}")[0] == 200
        silent = plivo_sdk.message(From=WHO, To="33644600099", Text="anybody?")
        assert wire.tell(service, silent, scheme="Ma-V2")[0] == 200
        other = plivo_sdk.report(To=WHO, Status="delivered", MessageUUID="by-other-means")
        assert wire.tell(service, other, "/report")[0] == 200
        failed = plivo_sdk.message(From="33700000043", To="33644600001", Text="hello, bot")
        assert wire.tell(service, failed)[0] == 503
        targets.wait_for(lambda received: len(received) == 5)
        yield service, {"message": uuid, "silent": dict(silent)["MessageUUID"], "failed": dict(failed)["MessageUUID"]}


@pytest.fixture
def shell(
    story: tuple[process.Served, dict[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Beside the service."""
    return Shell(story[0].folder, monkeypatch, capsys)


Rows = list[dict[str, Any]]


def _history(shell: Shell, *arguments: str) -> tuple[Rows, Rows]:
    """`history --json`: the messages, and the reports that belong to none of them."""
    done = shell("history", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    found: Rows = json.loads(done.out)
    messages = [row for row in found if row["kind"] == "message"]
    return messages, [row for row in found if row["kind"] == "report"]


def _settled(shell: Shell, who: str) -> tuple[Rows, Rows]:
    """The history, once each delivery has its outcome: targets know of a POST before the service knows its end."""
    for _ in range(100):
        messages, others = _history(shell, who)
        reports = [*others, *(report for message in messages for report in message["reports"])]
        if all(delivery["status"] for report in reports for delivery in report["deliveries"]):
            return messages, others
    raise AssertionError(reports)


def test_all_of_a_number(story: tuple[process.Served, dict[str, str]], shell: Shell) -> None:
    """A number's messages, oldest first, each with why it was answered so, and where its reports went."""
    (first, second), others = _settled(shell, "+33 700 000 042")
    report_opt_outs = others[0]["opt_outs"]
    assert (first["message_uuid"], second["message_uuid"]) == (story[1]["message"], story[1]["silent"])
    assert (first["from"], first["to"], first["text"]) == (f"+{WHO}", "+33644600000", "What is the price?")
    assert (first["route"], first["rule"], first["signed_by"]) == ("shop", "prices", "V3")
    assert "token" in first
    assert (first["state"], [(call["status"], call["reason"]) for call in first["calls"]]) == (
        "answered",
        [(200, "answered")],
    )
    assert first["answered_at"] == first["handed_over_at"] is not None
    assert [(step["rule"], step["verdict"]) for step in first["steps"]] == [
        ("hours", "passes"),
        ("prices", "answers"),
        ("ack", "not asked"),
    ]
    assert all(step["reason"] for step in first["steps"])
    assert wire.text_of(first["xml"].encode()) == "It is cheap."
    (report,) = first["reports"]
    assert (report["status"], report["error_code"], report["error_text"]) == (
        "undelivered",
        "80",
        "destination temporarily unavailable",
    )
    assert {one["target"]: (one["state"], one["status"], one["attempts"]) for one in report["deliveries"]} == {
        "good": ("done", 204, 1),
        "bad": ("due", 500, 1),
    }
    (attempt,) = next(one for one in report["deliveries"] if one["target"] == "bad")["tries"]
    assert (attempt["status"], attempt["response"]) == (500, "no \x1b[2Jsuch\r\ncontact \\xff\\x00")
    assert first["messages"] == [{"src": "+33644600000", "dst": [f"+{WHO}"], "text": "It is cheap.", "units": 1}]
    assert first["opt_outs"] == second["opt_outs"] == report_opt_outs == []
    assert (second["rule"], second["route"], second["signed_by"]) == (None, None, "Ma-V2")
    assert second["reason"]
    assert [report["message_uuid"] for report in others] == ["by-other-means"]


def test_one_message_by_any_of_its_ids(story: tuple[process.Served, dict[str, str]], shell: Shell) -> None:
    """The inbound MessageUUID and that of our reply lead to the same message."""
    for who in (story[1]["message"], "the-reply"):
        messages, others = _history(shell, who)
        assert [message["message_uuid"] for message in messages] == [story[1]["message"]]
        assert others == []


def test_message_whose_rules_failed(story: tuple[process.Served, dict[str, str]], shell: Shell) -> None:
    """G10: it is there from its first call, with what that call got; nothing was answered or handed over yet."""
    ((message,), _) = _history(shell, story[1]["failed"])
    assert (message["state"], message["rule"], message["route"]) == ("pending", None, "bot")
    assert (message["answered_at"], message["handed_over_at"], message["text"]) == (None, None, "hello, bot")
    (call,) = message["calls"]
    assert (call["status"], call["at"]) == (503, message["received_at"])
    lines = shell("history", story[1]["failed"], "--tz", "UTC").out
    assert f"  answer   pending, call 1 of 4: {call['reason']}\n" in lines
    assert (call["reason"].startswith("bot failed: "), call["reason"].endswith("status 500")) == (True, True)
    assert "  route    bot, config " in lines
    assert f"call 1   {call['at'].replace('Z', '+00:00')}  503  {call['reason']}" in lines


def test_what_a_person_reads(shell: Shell) -> None:
    """Text, answer with its reason, each rule, the report with its error in words, each target."""
    _settled(shell, WHO)
    lines = shell("history", f"+{WHO}").out
    for part in (
        f"+{WHO} has not opted out\n",
        "'What is the price?'",
        ", fetched 20",
        ", delivery ",
        "answer   prices: ",
        "sent     +33644600000 -> +33700000042, 1 unit: It is cheap.\n",
        "route    shop, config ",
        "not asked",
        "undelivered, error 80 destination temporarily unavailable  the-reply to +33700000042",
        "due      after 1 try: status 500, due ",
        "status 500, after ",
        f" s: '{CONFUSED}'\n",
        "answer   silence: ",
        ", signed Ma-V2, token 1\n",
    ):
        assert part in lines


def test_limit_takes_the_newest(story: tuple[process.Served, dict[str, str]], shell: Shell) -> None:
    """`--limit 1` shows the newest message."""
    messages, _ = _history(shell, WHO, "--limit", "1")
    assert [message["message_uuid"] for message in messages] == [story[1]["silent"]]


def test_short(story: tuple[process.Served, dict[str, str]], shell: Shell) -> None:
    """`--short` is a line for each message below a header, in any zone, and how many other reports there are."""
    opted_out, header, first, second, others = shell("history", WHO, "--short", "--tz", "Asia/Tokyo").out.splitlines()
    assert (opted_out, header.split()[0], others) == (
        f"+{WHO} has not opted out",
        "RECEIVED",
        "and 1 report of other messages",
    )
    assert re.split("  +", first)[1:] == [
        f"+{WHO}",
        "+33644600000",
        "'What is the price?'",
        "prices",
        "fetched",
        story[1]["message"],
    ]
    assert "+09:00" in second
    assert "  silence  fetched  " in second
    (failed,) = shell("history", story[1]["failed"], "--short").out.splitlines()[2:]
    assert "  -       pending  " in failed


def test_a_span_of_time(shell: Shell) -> None:
    """`--since` and `--until` take a time or an age, for people and for machines."""
    assert len(_history(shell, WHO, "--since", "1h")[0]) == 2
    assert _history(shell, WHO, "--until", "1h") == ([], [])
    assert len(_history(shell, WHO, "--since", "2026-01-01T00:00:00+01:00", "--until", "2099-01-01")[0]) == 2
    done = shell("history", WHO, "--until", "1d")
    assert (done.code, done.out) == (0, f"nothing is remembered of {WHO} in that time\n")


def test_nothing_is_remembered(shell: Shell) -> None:
    """Nobody we know: said so, and where refused calls are counted, exit 0; for machines an empty list."""
    done = shell("history", "+33799999999")
    assert (done.code, done.out) == (0, "nothing is remembered of +33799999999\n")
    assert done.err == "calls that were refused are counted, with the reason, by: plivo-autoreply status\n"
    assert json.loads(shell("history", "no-such-uuid", "--json").out) == []


def test_mistakes(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody named, or no store yet: exit 2 and one sentence; and no store is made."""
    done = shell("history", " ")
    assert (done.code, done.err) == (2, "plivo-autoreply: history of whom? Give a number or a MessageUUID\n")
    done = shell("history", "+33")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("plivo-autoreply: '+33' is no MessageUUID and no number: ")
    assert shell("history", WHO, "--short", "--json").code == 2
    for arguments in (("--since", "yesterday"), ("--tz", "Mars"), ("--until", "0001-01-01")):
        done = shell("history", WHO, *arguments)
        assert (done.code, f"Invalid value for '{arguments[0]}': '{arguments[1]}' is no" in done.err) == (2, True)
    done = shell("history", WHO, "--since", "1h", "--until", "2h")
    assert (done.code, done.out) == (2, "")
    assert "--since is not before --until" in done.err
    empty = tmp_path_factory.mktemp("empty")
    done = shell("history", WHO, AUTOREPLY_DATA=str(empty))
    assert done.code == 2
    assert done.err.startswith(f"plivo-autoreply: there is no store at {empty / 'autoreply.db'} yet")
    assert list(empty.iterdir()) == []
