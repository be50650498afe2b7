"""The questions of an angry customer, each answered by one call of `history` beside a running server."""

import json
import threading
from pathlib import Path
from typing import Any

from support import bot, plivo_sdk, process, receiver, wire

ASKING = """
[server]
public_url = "https://sms.example.com"
deadline = "1s"
[plivo]
auth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}
[[routes]]
to = "*"
rules = "bot"
[rules.bot]
webhook = "{url}"
timeout = "30s"
"""
STAYING = '\n[targets.crm]\nurl = "{url}/crm"\nretry = []\n'


def _history(folder: Path, who: str) -> list[dict[str, Any]]:
    done = process.run("history", who, "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _page(folder: Path, who: str) -> str:
    done = process.run("history", who, "--tz", "UTC", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _page_with(folder: Path, who: str, part: str) -> str:
    """The page, once it shows this: a delivery is settled after its log line."""
    for _ in range(50):
        if part in (page := _page(folder, who)):
            return page
    raise AssertionError(page)


def test_you_never_answered_for_every_call_failed(tmp_path: Path) -> None:
    """Each call with its reason while Plivo calls; after the fourth, that nothing was sent and why."""
    with bot.answering(lambda _call: (500, "broken")) as robot:
        with process.served(tmp_path, ASKING.format(url=robot.url)) as service:
            message = wire.message(Text="Anybody there?")
            uuid = dict(message)["MessageUUID"]
            for call in (1, 2, 3):
                assert wire.tell(service, message)[0] == 503
                (found,) = _history(tmp_path, uuid)
                assert (found["state"], [one["status"] for one in found["calls"]]) == ("pending", [503] * call)
                page = _page(tmp_path, uuid)
                assert f"  answer   pending, call {call} of 4: bot failed: " in page
                assert page.count("status 500") == call + 2  # of each call, of the message, and of its rule
            assert wire.answered(service, message) is None
        (found,) = _history(tmp_path, uuid)
        assert (found["state"], found["rule"], found["messages"]) == ("answered", None, [])
        assert [one["status"] for one in found["calls"]] == [503, 503, 503, 200]
        assert [(step["rule"], step["verdict"]) for step in found["steps"]] == [("bot", "fails")]
        assert "  answer   silence: " in _page(tmp_path, uuid)


def test_you_never_answered_for_plivo_did_not_fetch_it(tmp_path: Path) -> None:
    """The rule was late: its answer is ready, and nobody has fetched it; Plivo's next call does."""
    done = threading.Event()

    def late(_call: bot.Call) -> bot.Says:
        done.wait(20)
        return 200, "Here I am."

    with bot.answering(late) as robot, process.served(tmp_path, ASKING.format(url=robot.url)) as service:
        message = wire.message()
        uuid = dict(message)["MessageUUID"]
        assert wire.tell(service, message)[0] == 503
        assert "pending, call 1 of 4: " in _page(tmp_path, uuid)
        done.set()
        service.wait_for("answered", message_uuid=uuid)
        (found,) = _history(tmp_path, uuid)
        assert (found["state"], found["handed_over_at"]) == ("answered", None)
        assert found["answered_at"].endswith("Z")
        page = _page(tmp_path, uuid)
        assert ", not fetched yet\n" in page
        assert "1 unit: Here I am.\n" in page
        assert "no answer within the deadline" in page
        assert wire.answered(service, message) == "Here I am."
        (found,) = _history(tmp_path, uuid)
        assert found["handed_over_at"] is not None
        assert [one["status"] for one in found["calls"]] == [503, 200]
        assert ", fetched 20" in _page(tmp_path, uuid)


def test_you_answered_after_stop(tmp_path: Path) -> None:
    """From when until when the person had opted out, by which message, and what each message of that time got."""
    with process.served(tmp_path) as service:
        who = wire.sender()

        def say(text: str) -> str:
            message = wire.message(From=who, Text=text)
            assert wire.tell(service, message)[0] == 200
            return dict(message)["MessageUUID"]

        say("Hello")
        stop = say("STOP")
        lines = _page(tmp_path, f"+{who}").splitlines()
        assert lines[0].startswith(f"+{who} gets nothing from +33644600000 since 20")
        assert lines[0].endswith(f": STOP by message {stop}")
        say("Anything new?")
        say("START")
        say("Hello again")
    found = _history(tmp_path, f"+{who}")
    assert [len(message["messages"]) for message in found[:1] + found[2:]] == [1, 0, 1, 1]
    assert "opted out" in found[2]["reason"]
    assert all(message["opt_outs"] == [] for message in found)
    first, second, *_ = _page(tmp_path, f"+{who}").splitlines()
    assert first == f"+{who} has not opted out"
    assert second.startswith(f"+{who} got nothing from +33644600000 from 20")
    assert f"(STOP by message {stop}) until 20" in second
    assert second.endswith(": START")


def test_where_is_the_report(tmp_path: Path) -> None:
    """None has come; it came and the target refused it, with its own words; the id to replay it by."""
    with receiver.receiving(lambda _received: (422, {}, b"unknown contact\x1b[2J")) as crm:
        config = process.MINIMAL + STAYING.format(url=crm.url)
        with process.served(tmp_path, config) as service:
            message = wire.message()
            uuid, who = dict(message)["MessageUUID"], dict(message)["From"]
            assert wire.tell(service, message)[0] == 200
            assert "  report   none has come yet\n" in _page(tmp_path, uuid)
            report = plivo_sdk.report(To=who, Status="undelivered", ErrorCode="80")
            assert wire.tell(service, report, f"/report/{uuid}")[0] == 200
            service.wait_for("delivery marked dead")
            page = _page_with(tmp_path, uuid, " dead ")
            assert "none has come yet" not in page
            assert "undelivered, error 80 destination temporarily unavailable" in page
            assert "dead     after 1 try: status 422, delivery 1\n" in page
            assert r" s: 'unknown contact\x1b[2J'" in page
            (found,) = _history(tmp_path, uuid)
            (delivery,) = found["reports"][0]["deliveries"]
            assert (delivery["id"], delivery["state"]) == (1, "dead")
            assert delivery["tries"][0]["response"] == "unknown contact\x1b[2J"
            assert process.run("deliveries", "replay", "1", cwd=tmp_path).returncode == 0
