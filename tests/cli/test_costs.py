"""`costs`: what Plivo charged, in a table and for machines."""

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from support.command import Shell
from support.process import MINIMAL
from support.stored import Clock, incoming, opened, used

DAY = 86_400.0


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A reply that cost 1,234.5675 dollars, one to America that is 40 days old, and one without a report."""
    (tmp_path / "config.toml").write_text(MINIMAL)
    now = time.time()

    async def run() -> None:
        async with opened(tmp_path / "autoreply.db", Clock(now)) as store:
            await store.journal.record(used(1, at=now - 60))
            await store.journal.record(used(2, at=now - 50))
            dear, cheap = (("TotalAmount", "1234.5675"),), (("TotalAmount", "0.0070"),)
            await store.queue.accept(incoming(1, at=now - 30, parameters=dear, units=2))
            america = {"to": "12025550123", "message_uuid": "reply-2", "in_reply_to": None, "parameters": cheap}
            await store.queue.accept(incoming(2, at=now - 40 * DAY, **america))  # type: ignore[arg-type]

    asyncio.run(run())
    return Shell(tmp_path, monkeypatch, capsys)


def test_table(shell: Shell) -> None:
    """A line for each group, the dearest first, and the sum."""
    done = shell("costs", "--by", "country,route,rule", "--since", "60d")
    assert (done.code, done.err) == (0, "")
    assert [re.split("  +", line) for line in done.out.splitlines()] == [
        ["COUNTRY", "ROUTE", "RULE", "MESSAGES", "UNITS", "USD", "NO AMOUNT", "NOT REPORTED YET"],
        ["FR", "support", "ack", "1", "2", "1,234.5675", "0", "1"],
        ["US", "support", "-", "1", "1", "0.0070", "0", "0"],
        ["total", "2", "3", "1,234.5745", "0", "1"],
    ]


def test_json(shell: Shell) -> None:
    """Amounts are strings, so that nothing is rounded; without `--since` thirty days count."""
    found = json.loads(shell("costs", "--by", "country", "--json").out)
    assert found.pop("since").endswith("Z")
    cost = {"messages": 1, "units": 2, "amount": "1234.5675", "unpriced": 0, "not_reported": 1}
    assert found == {"by": ["country"], "total": cost, "groups": [{"country": "FR", **cost}]}


def test_nothing_was_reported(shell: Shell) -> None:
    """A sentence instead of an empty table."""
    done = shell("costs", "--since", "1s")
    assert (done.code, done.out.startswith("nothing was reported since 20")) == (0, True)


@pytest.mark.parametrize("by", ["", "rule,", "rule,rule", "sender", "route rule"])
def test_mistakes(shell: Shell, by: str) -> None:
    """Keys that are none, or one twice: exit 2 and the keys that there are."""
    done = shell("costs", "--by", by)
    assert (done.code, done.out) == (2, "")
    assert "is not some of route, rule, country, each once, with commas" in done.err


def test_only_the_store_is_needed(shell: Shell, tmp_path: Path) -> None:
    """An error elsewhere in the file does not stop it."""
    (tmp_path / "config.toml").write_text(MINIMAL.replace("https:", "ftp:"))
    assert shell("costs").code == 0
