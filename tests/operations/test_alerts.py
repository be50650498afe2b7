"""What is wrong is said in sentences, and nothing is said when nothing is."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.operations.alerts import trouble

PAUSED = "target crm is paused after repeated failures, and probed at least once a minute"
DISK = {"free": 900 << 20, "reserve": 256 << 20, "enough": True}
WELL: Mapping[str, Any] = {
    "stopping": False,
    "fault": None,
    "failed_reload": None,
    "signature": "any",
    "store": {"writable": True, "disk": DISK},
    "targets": {"crm": {"paused": False, "by": None, "waiting": 2, "oldest": 3.0, "full": False}},
    "spending": [{"route": None, "window": "1d", "limit": 5000, "spent": 3999}],
    "lost_log_lines": 12,  # once, and the log tells of it
    "log_works": True,
    "surveyed": 0.1,
}


def crm(**changes: Any) -> dict[str, Any]:
    """The target in another state."""
    return {"targets": {"crm": WELL["targets"]["crm"] | changes}}


def spending(spent: int, route: str | None = None, limit: int = 5000) -> dict[str, Any]:
    """A spending cap in another state."""
    return {"spending": [{"route": route, "window": "1d", "limit": limit, "spent": spent}]}


def test_all_is_well() -> None:
    """No sentence, also where the disk is not ours to watch."""
    assert list(trouble(WELL)) == []
    assert list(trouble({**WELL, "store": {"writable": True, "disk": None}})) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stopping": True}, "the service is stopping"),
        ({"fault": "the writer has ended"}, "the writer has ended: the process is about to exit"),
        (
            {"failed_reload": "routes[0].to"},
            "the last reload failed, the previous configuration is in force: routes[0].to",
        ),
        ({"signature": "log-only"}, 'signature = "log-only": unsigned requests are accepted'),
        (
            {"store": {"writable": False, "fault": "the store cannot write: disk I/O error", "disk": None}},
            "the store cannot write: disk I/O error; messages and reports get 503",
        ),
        (
            {"store": {"writable": True, "disk": DISK | {"free": (9 << 20) + 5, "enough": False}}},
            "the disk is nearly full, 9 MiB free: reports are refused, messages are answered",
        ),
        (
            {"lost_log_lines": 13, "log_works": False},
            "log lines cannot be written, 13 lost: check the disk, or whatever reads stderr",
        ),
        ({"surveyed": None}, "the store cannot be read: backlogs and spending are unknown"),
        ({"surveyed": 61.0}, "the store cannot be read: backlogs and spending are unknown"),
        (
            crm(paused=True, by="breaker", waiting=312, oldest=7300.0),
            f"{PAUSED}: 312 deliveries waiting, the oldest for 2 h",
        ),
        (
            crm(paused=True, by="operator", waiting=0, oldest=0.0),
            "target crm is paused by an operator: no deliveries waiting",
        ),
        (
            crm(paused=True, by="breaker", waiting=None, oldest=None),
            PAUSED,
        ),
        (
            crm(waiting=100_000, full=True),
            "the queue of target crm is full: new deliveries are stored as dead, replay them later",
        ),
        (crm(waiting=7, oldest=601.0), "target crm is behind: 7 deliveries waiting, the oldest for 10 min"),
        (spending(4000), "the spending cap of all routes is nearly reached: 4000 of 5000 units in 1d"),
        (
            spending(5000, "shop"),
            "the spending cap of route shop is reached, no replies are sent: 5000 of 5000 units in 1d",
        ),
    ],
)
def test_each_trouble_has_its_sentence(change: dict[str, Any], sentence: str) -> None:
    """One thing that is wrong is one sentence, with the figures that count."""
    assert list(trouble({**WELL, **change})) == [sentence]
