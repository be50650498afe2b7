"""Messages in rows. Groups are claimed, admitted and recorded: decided one by one, written in few statements."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.plivo.markup import EMPTY, parse, reduced
from app.plivo.numbers import canonical
from app.policies.usage import Conversation, UsageQuery
from app.replies.decide import still_allowed
from app.replies.journal import Arrival, Claimed, ClaimRequest, FailedCall, Held, Recorded, Submission
from app.store import locks, proofs, rows, usage
from app.store.arrivals import Arrivals
from app.store.driver import Connection
from app.store.group import Group
from app.store.stored_message import StoredMessage

WITHOUT = "answered again, without those who have opted out since"


class Messages:
    """The verbs that a writer applies to groups. They implement `replies.journal.Journal`."""

    def __init__(self) -> None:
        self._arrivals = Arrivals()

    async def record(self, connection: Connection, submissions: Sequence[Submission]) -> list[Recorded | Exception]:
        """Admit and record each message of a group. A repeat gets the recorded answer."""
        unbound = [() if one.claimed else one.arrival.request.proofs for one in submissions]
        refusals = await proofs.bind(connection, unbound)
        await locks.hold(connection, _shared_names(submissions))
        found = await _find(connection, [one.arrival for one in submissions])
        queries = [one.candidate.query for one in submissions] + list(_of_repeats(found))
        group = Group(await usage.read(connection, queries, self._arrivals), found)
        results: list[Recorded | Exception] = [
            refused or _settle(one, group) for one, refused in zip(submissions, refusals, strict=True)
        ]
        await group.write(connection)
        return results

    async def claim(
        self, connection: Connection, requests: Sequence[ClaimRequest]
    ) -> list[Recorded | Held | Claimed | Exception]:
        """Claim messages for an owner, until they are answered or the claim expires. An owner may claim one again."""
        refusals = await proofs.bind(connection, [one.arrival.request.proofs for one in requests])
        found = await _find(connection, [one.arrival for one in requests])
        wanted = [one.arrival for one, refused in zip(requests, refusals, strict=True) if not refused]
        await rows.begin(connection, found, [(arrival, rows.ASKING) for arrival in wanted])
        queries = [one.query for one in requests] + list(_of_repeats(found))
        group = Group(await usage.read(connection, queries, self._arrivals), found)
        results: list[Recorded | Held | Claimed | Exception] = [
            refused or await _claim(connection, one, group) for one, refused in zip(requests, refusals, strict=True)
        ]
        await group.write(connection)
        return results

    async def fail(self, connection: Connection, calls: Sequence[FailedCall]) -> list[int]:
        """Record calls that got no answer. Return how often the rules of each message have failed."""
        found = await _find(connection, [one.arrival for one in calls])
        await rows.begin(connection, found, [(one.arrival, one.reason) for one in calls])
        return [await _fail(connection, one, found[one.arrival.message.message_uuid]) for one in calls]

    async def release(self, connection: Connection, owners: Sequence[str]) -> list[None]:
        """Release the claims of these owners; "" stands for every owner."""
        for owner in owners:
            if owner:
                await connection.execute(rows.RELEASE, {"claimant": owner})
            else:
                await connection.execute(rows.RELEASE_ALL, {})
        return [None] * len(owners)


async def _find(connection: Connection, arrivals: Iterable[Arrival]) -> dict[str, StoredMessage]:
    return await rows.find(connection, (arrival.message.message_uuid for arrival in arrivals))


def _shared_names(submissions: Sequence[Submission]) -> Iterator[str]:
    """Yield the people and budgets of a group, which no two replicas may count at the same time (G8)."""
    for one in submissions:
        yield " ".join(one.candidate.query.conversation)
        yield from (f"budget {budget.scope}" for budget in one.candidate.query.budgets)


def _of_repeats(found: Mapping[str, StoredMessage]) -> Iterator[UsageQuery]:
    """Yield the queries that repeated answers need: whether a recipient has opted out since."""
    nobody = Conversation("", "")
    for row in found.values():
        if row.state == "answered" and row.xml not in (b"", EMPTY):
            people = {canonical(number) for one in parse(row.xml) for number in one.dst}
            yield UsageQuery(nobody, 0.0, people, 0.0, (), cooldowns=False)


def _settle(one: Submission, group: Group) -> Recorded:
    found = group.found.get(one.arrival.message.message_uuid)
    if found and found.state == "answered":
        return _repeat(one.arrival, found, group)
    proposal = group.admit(one, found)
    return Recorded(proposal.xml, proposal)


def _repeat(arrival: Arrival, found: StoredMessage, group: Group) -> Recorded:
    """Return the answer of a message again, without messages to people who have opted out since."""
    kept = still_allowed(parse(found.xml), arrival.message.message_uuid, arrival.policies, group.usage)
    if kept is None:
        group.call(found, arrival.called_at)
        return Recorded(found.xml or EMPTY)  # empty: its retention is over, and that call is long past
    group.call(found, arrival.called_at, WITHOUT)
    return Recorded(reduced(found.xml, kept))


async def _claim(connection: Connection, request: ClaimRequest, group: Group) -> Recorded | Held | Claimed:
    found = group.found[request.arrival.message.message_uuid]
    if found.state == "answered":
        return _repeat(request.arrival, found, group)
    values = {"claimant": request.owner, "seconds": request.seconds, "row": found.id}
    taken = await connection.execute_many(rows.CLAIM, [values])
    return Claimed(group.usage) if taken else Held()


async def _fail(connection: Connection, call: FailedCall, row: StoredMessage) -> int:
    if row.state != "answered":
        row.failures += call.rules_failed
    if not call.noted and row.failures != call.gives_up_at:
        row.failed(call.arrival.called_at, call.status, call.reason)
    if row.state == "answered":
        await rows.note_calls(connection, [row])
        return row.failures
    changed = {"row": row.id, "calls": row.calls_json, "failures": row.failures, "reason": call.reason}
    if call.ends_claim:
        await connection.execute(rows.FAIL, changed | {"steps": call.steps})
    else:
        await connection.execute(rows.NOTE, changed)
    return row.failures
