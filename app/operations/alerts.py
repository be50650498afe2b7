"""What is wrong at this moment, in sentences for somebody who has just been woken. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

LATE = 600.0  # seconds that a delivery may wait for a target that is not paused
UNREAD = 60.0  # seconds without figures of the store
BURNING = 0.8  # of a fuse


def trouble(told: Mapping[str, Any]) -> Iterator[str]:
    """Of what /ready tells; nothing if all is well."""
    if told["stopping"]:
        yield "the service is stopping"
    if told["fault"]:
        yield f"{told['fault']}: the process ends"
    if told["failed_reload"]:
        yield f"the last reload failed, the config before it is in force: {told['failed_reload']}"
    if told["signature"] == "log-only":
        yield 'signature = "log-only": nothing is verified'
    if not told["log_works"]:
        yield f"the log is not written, {told['lost_log_lines']} lines are lost: is its disk full, or its reader gone?"
    yield from _of_the_store(told["store"], told["surveyed"])
    for name, target in told["targets"].items():
        yield from _of_a_target(name, target)
    for fuse in told["fuses"]:
        yield from _of_a_fuse(fuse)


def _of_the_store(store: Mapping[str, Any], surveyed: float | None) -> Iterator[str]:
    if not store["writable"]:
        yield f"{store['fault']}; messages and reports get 503"
    if surveyed is None or surveyed > UNREAD:
        yield "the store cannot be read: backlogs and fuses are not known"
    if (disk := store["disk"]) and not disk["enough"]:
        yield f"the disk is nearly full, {disk['free'] >> 20} MiB free: reports are refused, replies are not"


def _of_a_target(name: str, target: Mapping[str, Any]) -> Iterator[str]:
    known, oldest = target["waiting"] is not None, target["oldest"] or 0.0
    waiting = f": {target['waiting']} deliveries wait, the oldest for {_span(oldest)}" if known else ""
    if target["full"]:
        yield f"the queue of target {name} is full: what comes for it is dead at once, replay it later"
    if target["paused"]:
        how = {"operator": "by a command", "breaker": "for it fails; it is probed each minute"}[target["by"]]
        yield f"target {name} is paused {how}{waiting}"
    elif oldest > LATE:
        yield f"target {name}{waiting}"


def _of_a_fuse(fuse: Mapping[str, Any]) -> Iterator[str]:
    where = f"route {fuse['route']}" if fuse["route"] else "all routes"
    level = f"{fuse['spent']} of {fuse['limit']} units in {fuse['window']}"
    if fuse["spent"] >= fuse["limit"]:
        yield f"the fuse of {where} has burnt, answers are silenced: {level}"
    elif fuse["spent"] >= BURNING * fuse["limit"]:
        yield f"the fuse of {where} is near its end: {level}"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
