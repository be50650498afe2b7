"""The state of everything: servers, targets, refused calls, spending."""

from dataclasses import asdict
from typing import Any

from app.operations.limits import CapSpending
from app.operations.status import ServerView, StatusReport, TargetSummary
from app.operations.times import iso_utc, moment


def status_document(found: StatusReport) -> dict[str, Any]:
    """Return the state."""
    return {
        "at": iso_utc(found.at),
        "problems": [problem.advice for problem in found.problems],
        "servers": [_server(server) for server in found.servers],
        "targets": [queue_document(target) for target in found.targets],
        "refused": [asdict(one) for one in found.refused],
        "pending": found.pending,
        "spending": [_spending(one) for one in found.spending],
        "disk_free": found.disk_free,
    }


def _server(server: ServerView) -> dict[str, Any]:
    facts = server.facts
    return {
        "id": server.id,
        "host": facts.host,
        "running": server.is_running,
        "seen_at": iso_utc(server.seen_at),
        "version": facts.version,
        "config": facts.config,
        "signature": facts.signature,
        "started_at": iso_utc(facts.started_at),
        "reloaded_at": moment(facts.reloaded_at),
        "failed_reload": facts.failed_reload,
    }


def queue_document(target: TargetSummary) -> dict[str, Any]:
    """Return a target with its queue."""
    return {
        "name": target.name,
        "state": target.state,
        "due": target.queue.due,
        "dead": target.queue.dead,
        "oldest_seconds": round(target.queue.oldest, 1) if target.queue.due else None,
        "next_attempt": moment(target.next_attempt),
    }


def _spending(one: CapSpending) -> dict[str, Any]:
    return {"scope": one.scope, "seconds": one.rate.seconds, "limit": one.rate.count, "spent": one.spent}
