"""`backtest` and `costs` from outside: a server that answers, Plivo that reports, a webhook, and the commands."""

import json
from pathlib import Path
from typing import Any

from support import bot, plivo_sdk, process, wire

CONFIG = """
[limits]
per_sender = "4/1h"
total = "14/1d"
[[routes]]
name = "shop"
to = "*"
rules = ["menu", "bot", "once", "duty", "ack"]
[rules.menu.keywords]
HOURS = "Open 9-18."
[rules.bot]
match = "^bot"
webhook = "{url}/sms"
[rules.once]
match = "once"
text = "Only once."
cooldown = "1h"
[rules.duty]
match = "urgent"
forward = "+33612345678"
text = "A person will answer."
[rules.ack]
text = "Got it."
"""
CONVERSATIONS = (
    ("HOURS", "once", "once", "STOP", "hello", "START", "hello"),
    ("bot one", "bot pass", "bot fail", "bot two", "one too many"),
    ("urgent!", "hello", "HELP", "hello"),
    ("the", "cap", "is", "reached"),
)


def _answer(call: bot.Call) -> tuple[int, str]:
    said = {"bot pass": (204, ""), "bot fail": (500, "broken")}
    return said.get(call.message["text"], (200, f"The bot on {call.message['text']}."))


def _run(folder: Path, *arguments: str) -> tuple[int, Any]:
    done = process.run(*arguments, "--json", cwd=folder)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_backtest_and_costs_beside_a_server(tmp_path: Path) -> None:
    """The same file changes nothing, another one what it should; neither calls the webhook, and what Plivo charged is
    added up.
    """
    with bot.answering(_answer) as asked:
        config = process.HEAD + CONFIG.format(url=asked.url)
        with process.served(tmp_path, config) as service:
            for texts in CONVERSATIONS:
                sender = wire.sender()
                for text in texts:
                    assert wire.tell(service, wire.message(From=sender, Text=text))[0] == 200
            calls = len(asked.calls)
            code, found = _run(tmp_path, "backtest", "--fail-on", "changed")
            assert (code, found["messages"], found["same"], found["differences"]) == (0, 20, 20, [])
            assert found["units"]["before"] == found["units"]["after"] == 14
            (tmp_path / "new.toml").write_text(config.replace("9-18", "9-20").replace('"14/1d"', '"5000/1d"'))
            code, found = _run(tmp_path, "backtest", "-c", "new.toml", "--since", "1h", "--fail-on", "gone")
            assert (code, found["changed"], found["gone"]) == (0, 1, 0)
            assert found["new"] == sum(one["kind"] == "new" for one in found["differences"]) > 0
            assert len(asked.calls) == calls
            for part, status in enumerate(("sent", "delivered"), 1):
                report = plivo_sdk.report(
                    MessageUUID="reply-1",
                    Status=status,
                    Sequence=str(part),
                    TotalAmount=f"0.00{part}",
                    To="33700100000",
                )
                assert wire.tell(service, report, "/report")[0] == 200
            _, costs = _run(tmp_path, "costs", "--by", "route,country")
            assert [group for group in costs["groups"] if group["messages"]] == [
                {"route": "shop", "country": "FR", "messages": 1, "units": 1, "amount": "0.002", "unpriced": 0,
                 "not_reported": 13}
            ]  # fmt: skip
