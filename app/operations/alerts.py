"""Alerts: sentences for an operator about what is wrong at this moment. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.operations.times import span_in_words
from app.policies.limits import NEAR_LIMIT

LATE = 600.0  # seconds that a delivery may wait for a target that is not paused
UNREAD = 60.0  # seconds without figures of the store
PAUSED = {"operator": "by an operator", "breaker": "after repeated failures, and probed at least once a minute"}


def trouble(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each problem in the body of /ready."""
    if body["stopping"]:
        yield "the service is stopping"
    if body["fault"]:
        yield f"{body['fault']}: the process is about to exit"
    if body["failed_reload"]:
        yield f"the last reload failed, the previous configuration is in force: {body['failed_reload']}"
    if body["signature"] == "log-only":
        yield 'signature = "log-only": unsigned requests are accepted'
    if not body["log_works"]:
        yield f"log lines cannot be written, {body['lost_log_lines']} lost: check the disk, or whatever reads stderr"
    yield from _of_the_store(body["store"], body["surveyed"])
    for name, target in body["targets"].items():
        yield from _of_a_target(name, target)
    for cap in body["spending"]:
        yield from _of_spending(cap)


def _of_the_store(store: Mapping[str, Any], surveyed: float | None) -> Iterator[str]:
    if not store["writable"]:
        yield f"{store['fault']}; messages and reports get 503"
    if surveyed is None or surveyed > UNREAD:
        yield "the store cannot be read: backlogs and spending are unknown"
    if (disk := store["disk"]) and not disk["enough"]:
        yield f"the disk is nearly full, {disk['free'] >> 20} MiB free: reports are refused, messages are answered"


def _of_a_target(name: str, target: Mapping[str, Any]) -> Iterator[str]:
    waiting, oldest = _waiting(target), target["oldest"] or 0.0
    if target["full"]:
        yield f"the queue of target {name} is full: new deliveries are stored as dead, replay them later"
    if target["paused"]:
        yield f"target {name} is paused {PAUSED[target['by']]}{waiting}"
    elif oldest > LATE:
        yield f"target {name} is behind{waiting}"


def _waiting(target: Mapping[str, Any]) -> str:
    count, oldest = target["waiting"], target["oldest"] or 0.0
    if count is None:
        return ""
    if count == 0:
        return ": no deliveries waiting"
    what = "delivery" if count == 1 else "deliveries"
    return f": {count} {what} waiting, the oldest for {span_in_words(oldest, least=2)}"


def _of_spending(cap: Mapping[str, Any]) -> Iterator[str]:
    where = f"route {cap['route']}" if cap["route"] else "all routes"
    level = f"{cap['spent']} of {cap['limit']} units in {cap['window']}"
    if cap["spent"] >= cap["limit"]:
        yield f"the spending cap of {where} is reached, no replies are sent: {level}"
    elif cap["spent"] >= NEAR_LIMIT * cap["limit"]:
        yield f"the spending cap of {where} is nearly reached: {level}"
