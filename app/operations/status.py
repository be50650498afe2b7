"""The state of everything on one screen, read from the store: servers, refused calls, targets, spending, problems.

It needs neither the configuration nor the admin socket: each running server writes what it knows of itself every 5 s.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.operations.limits import CapSpending, read_spending
from app.policies.limits import NEAR_LIMIT
from app.store import Store
from app.store.instances import ServerView, TargetView, list_servers, list_targets
from app.store.snapshot import QueueCounts, unfinished

__all__ = [
    "Problem",
    "Refusals",
    "ServerView",
    "StatusReport",
    "TargetState",
    "TargetSummary",
    "list_summaries",
    "status",
]

HOUR = 3600.0

ADVICE = {  # by reason, where no server had better
    "rule_failed": "a rule failed and no other answered: the log's lines `rule failed` name it, `history` says more",
    "deadline": "rules took longer than [server] deadline: Plivo's next call gets the answer, if they finish",
    "busy": "too many messages wait for the rules of one route: a webhook is slow or down",
    "unavailable": "the store could not be written: `doctor` and /ready say why. Plivo calls again",
    "disk": "the disk is nearly full: free some, or lower [store] reserve. Plivo sends these reports again",
    "fault": "an error in the service: the log's lines `unhandled exception` have its place",
    "unsigned": "not from Plivo, or a proxy drops the X-Plivo-Signature headers: `doctor` tells",
    "reused": "somebody replays a signature, or a proxy changes bodies: `doctor` tells",
    "not_found": "something in Plivo's console has a wrong URL: the log has the path",
    "malformed": "not as Plivo sends it: the log says what is missing",
    "method": "Plivo calls with GET or POST: something else uses this URL",
    "media_type": "not a form, as Plivo sends: something else uses this URL",
    "slow_body": "the body came too slowly: a stranger, or a slow proxy",
    "large_body": "over [server] body_limit: a stranger, or a limit that is too low",
}

TargetState = Literal["paused", "failing", "busy", "running", "unknown"]  # unknown to every running server


ProblemKind = Literal["servers", "configs", "reload", "signature", "target", "dead", "spending", "refused"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as a sentence, its kind, the target that has it, and the command that shows more."""

    sentence: str
    kind: ProblemKind
    target: str | None = None
    command: str = ""

    @property
    def advice(self) -> str:
        """The sentence with the command."""
        return f"{self.sentence}; see: {self.command}" if self.command else self.sentence


@dataclass(frozen=True, slots=True)
class Refusals:
    """Calls refused for one reason in the last hour, and the last advice on it."""

    reason: str  # the label: "forged", "unsigned", "not_found", ..
    calls: int
    advice: str | None


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """A target with its queue. `next_attempt`, in seconds since the epoch, is known while the target is waited for."""

    name: str
    state: TargetState
    queue: QueueCounts
    next_attempt: float | None
    view: TargetView


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state at a time (seconds since the epoch). The worst of the `problems` stands first."""

    at: float
    problems: tuple[Problem, ...]
    servers: tuple[ServerView, ...]  # of the last hour, those that run first
    refused: tuple[Refusals, ...]  # the most frequent first
    targets: tuple[TargetSummary, ...]
    pending: int  # messages without an answer yet
    spending: tuple[CapSpending, ...]
    disk_free: int | None  # bytes, as the server knows


async def status(store: Store, at: float) -> StatusReport:
    """Read the state. Raises `Unavailable`."""
    servers = await list_servers(store.engine)
    found = await unfinished(store.engine)
    views = await list_targets(store.engine)
    running = [server for server in servers if server.is_running]
    spending = await read_spending(store, running, at)
    known = {name for server in running for name in server.targets}
    targets = tuple(_summaries(views, found.queues, known))
    refused = _refusals(servers, at)
    disks = [server.facts.disk_free for server in running if server.facts.disk_free is not None]
    problems = tuple(_problems(running, targets, spending, refused))
    return StatusReport(at, problems, servers, refused, targets, found.pending, spending, min(disks, default=None))


async def list_summaries(store: Store) -> tuple[TargetSummary, ...]:
    """Return every target that a server knows or that has deliveries due or dead, by name. Raises `Unavailable`."""
    servers = await list_servers(store.engine)
    known = {name for server in servers if server.is_running for name in server.targets}
    views = await list_targets(store.engine)
    return tuple(_summaries(views, (await unfinished(store.engine)).queues, known))


def _summaries(
    views: Mapping[str, TargetView], queues: Mapping[str, QueueCounts], known: Collection[str]
) -> Iterator[TargetSummary]:
    for name in sorted(views.keys() | queues.keys()):
        view = views.get(name, TargetView())
        state: TargetState = "running" if name in known else "unknown"
        if view.paused_at is not None:
            state = "paused"
        elif view.failing or view.busy:
            state = "failing" if view.failing else "busy"
        yield TargetSummary(name, state, queues.get(name, QueueCounts()), view.next_attempt, view)


def _refusals(servers: Sequence[ServerView], at: float) -> tuple[Refusals, ...]:
    calls: Counter[str] = Counter()
    advice: dict[str, str] = {}
    for server in reversed(servers):  # the newest advice last
        advice |= server.facts.advice
        for refused in server.facts.refused:
            if refused.minute > at - HOUR:
                calls[refused.reason] += refused.calls
    known = ADVICE | advice
    return tuple(Refusals(reason, count, known.get(reason)) for reason, count in calls.most_common())


def _problems(
    running: Sequence[ServerView],
    targets: Sequence[TargetSummary],
    spending: Sequence[CapSpending],
    refused: Sequence[Refusals],
) -> Iterator[Problem]:
    if not running:
        yield Problem("no server is running, or none can write to the store", "servers")
    if len(configs := {server.facts.config for server in running}) > 1:
        sentence = f"{len(configs)} configurations are in force on {len(running)} servers: is a roll-out under way?"
        yield Problem(sentence, "configs")
    for server in running:
        facts = server.facts
        if facts.failed_reload:
            yield Problem(f"{facts.host}: the last reload failed at {facts.failed_reload}", "reload")
        if facts.signature == "log-only":
            yield Problem(f'{facts.host}: signature = "log-only" accepts unsigned requests', "signature")
    of_targets = [problem for target in targets for problem in _problems_of(target, is_served=bool(running))]
    yield from sorted(of_targets, key=lambda one: one.kind == "dead")
    for one in spending:
        if one.spent >= NEAR_LIMIT * one.rate.count:
            of = f" of {one.scope}" if one.scope else ""
            yield Problem(f"spending cap{of}: {one.spent} of {one.rate.count} units are spent", "spending")
    if total := sum(one.calls for one in refused):
        reasons = ", ".join(f"{one.calls} {one.reason}" for one in refused)
        calls = "1 call was" if total == 1 else f"{total} calls were"
        yield Problem(f"{calls} refused in the last hour: {reasons}", "refused")


def _problems_of(target: TargetSummary, *, is_served: bool) -> Iterator[Problem]:
    name, queue = target.name, target.queue
    due = f"{_deliveries(queue.due)} due"
    if target.state == "failing":
        yield Problem(f"target {name} fails, so only single attempts are made; {due}", "target", name)
    if target.state == "paused":
        yield Problem(f"target {name} is paused by an operator; {due}", "target", name)
    if target.state == "unknown" and queue.due:
        unknown = "is not in the configuration" if is_served else "waits for a server"
        yield Problem(f"target {name} {unknown}; {due}", "target", name)
    if queue.dead:
        sentence = f"target {name}: {_deliveries(queue.dead)} dead"
        yield Problem(sentence, "dead", name, "deliveries list --state dead")


def _deliveries(count: int) -> str:
    return "1 delivery is" if count == 1 else f"{count} deliveries are"
