"""`status`: everything on one screen, from the store."""

import time
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path

from app.cli.loading import load_store
from app.cli.output import counted, echo, print_json, print_table
from app.cli.running import on_store
from app.cli.times import shown, shown_or_dash
from app.operations.documents.status import status_document
from app.operations.status import ServerView, StatusReport, TargetSummary, status
from app.operations.times import span_in_words

GIB = 1 << 30


def main(path: Path, zone: tzinfo | None, *, as_json: bool) -> None:
    """Show problems first, then servers, targets, refused calls, pending messages, spending and disk."""
    found = on_store(load_store(path), lambda store: status(store, time.time()))
    if as_json:
        print_json(status_document(found))
        return
    problems = counted(len(found.problems), "problem") if found.problems else "No problems"
    running = sum(server.is_running for server in found.servers)
    echo(f"{problems}; {counted(running, 'server')} running, {shown(found.at, zone)}")
    for problem in found.problems:
        echo(f"  ! {problem.advice}")
    _tables(found, zone)
    echo("")
    echo("   ".join(_totals(found)))


def _tables(found: StatusReport, zone: tzinfo | None) -> None:
    if found.servers:
        echo("")
        header = ("SERVER", "STATE", "VERSION", "CONFIG", "STARTED", "RELOADED")
        print_table(header, [_server_row(server, zone) for server in found.servers])
    if found.targets:
        echo("")
        header = ("TARGET", "STATE", "DUE", "DEAD", "OLDEST", "NEXT ATTEMPT")
        print_table(header, [_target_row(target, zone) for target in found.targets])
    if found.refused:
        echo("")
        print_table(
            ("REFUSED", "LAST HOUR", "ADVICE"),
            [(one.reason, str(one.calls), one.advice or "-") for one in found.refused],
        )


def _server_row(server: ServerView, zone: tzinfo | None) -> tuple[str, ...]:
    facts = server.facts
    reloaded = shown_or_dash(facts.reloaded_at, zone)
    if facts.failed_reload:
        reloaded += f" failed: {facts.failed_reload}"
    state = "running" if server.is_running else f"last seen {shown(server.seen_at, zone)}"
    return (facts.host or server.id, state, facts.version, facts.config, shown(facts.started_at, zone), reloaded)


def _target_row(target: TargetSummary, zone: tzinfo | None) -> tuple[str, ...]:
    queue = target.queue
    oldest = span_in_words(queue.oldest) if queue.due else "-"
    return (
        target.name,
        target.state,
        str(queue.due),
        str(queue.dead),
        oldest,
        shown_or_dash(target.next_attempt, zone),
    )


def _totals(found: StatusReport) -> Iterator[str]:
    yield f"Pending {found.pending}"
    for one in found.spending:
        scope = f"{one.scope}: " if one.scope else ""
        yield f"Spent {scope}{one.spent:,} of {one.rate.count:,} units in {span_in_words(one.rate.seconds)}"
    if found.disk_free is not None:
        yield f"Disk {found.disk_free / GIB:.1f} GiB free"
