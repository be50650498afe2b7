"""The messages of one group while they are admitted one after the other, and what is to be written for them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from app.plivo.messages import Proof
from app.policies.usage import OptOutChange, Usage
from app.replies.decide import admit
from app.replies.journal import Submission
from app.replies.proposals import Proposal
from app.store import message_copies, proofs, rows, usage
from app.store.driver import Connection
from app.store.stored_message import ANSWERED, Call, StoredMessage

Write = Callable[[Connection, Any], Coroutine[Any, Any, None]]


class Group:
    """The messages of a group. All reads were made before; `write` makes all writes."""

    def __init__(self, remembered: Usage, found: dict[str, StoredMessage]) -> None:
        self.usage = remembered
        self.found = found  # by MessageUUID, those of this group included once they are admitted
        self._inserts: list[dict[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        self._called: dict[int | None, StoredMessage] = {}  # by row
        self._units: dict[tuple[str, int], int] = defaultdict(int)
        self._cooldowns: list[dict[str, Any]] = []
        self._changes: list[OptOutChange] = []
        self._vouching: list[Proof] = []
        self._copied: list[tuple[Submission, Proposal]] = []

    def admit(self, one: Submission, found: StoredMessage | None) -> Proposal:
        """Admit a message that has no answer yet."""
        proposal = admit(one.candidate, self.usage)
        at = one.arrival.called_at
        waits = one.waited_for and not (found and found.has_call(at))  # a call that is noted already got 503
        answer = rows.answered(one, proposal, handed_over=waits)
        if found is None:
            row = rows.arrived(one.arrival) | answer
            self._inserts.append(row)
            first = [Call(at, ANSWERED, "answered")]
            self.found[one.arrival.message.message_uuid] = StoredMessage(None, "answered", proposal.xml, first, row=row)
        else:
            found.state, found.xml = "answered", proposal.xml
            if waits:
                found.called(at, ANSWERED, "answered")
            found.row = {**answer, "row": found.id, "calls": found.calls_json}
            self._answers.append(found.row)
        self._use_up(one, proposal)
        return proposal

    def call(self, found: StoredMessage, at: float, reason: str = "answered again") -> None:
        """Note one more call that got the answer of a message."""
        found.called(at, ANSWERED, reason)
        if found.handed_over_at is None:
            found.handed_over_at = at
        if found.row is not None:  # it is written with this group
            found.row |= {"calls": found.calls_json}
            found.row["handed_over_at"] = found.row["handed_over_at"] or at
        else:
            self._called[found.id] = found

    async def write(self, connection: Connection) -> None:
        """Write everything that the group changes."""
        writes: tuple[tuple[Write, Collection[Any]], ...] = (
            (rows.insert, self._inserts),
            (rows.answer, self._answers),
            (rows.note_calls, self._called.values()),
            (usage.write_spending, self._units),
            (usage.write_cooldowns, self._cooldowns),
            (usage.write_opt_outs, self._changes),
            (proofs.keep_for_opt_outs, self._vouching),
            (message_copies.put, self._copied),
        )
        for write, changes in writes:
            if changes:
                await write(connection, changes)

    def _use_up(self, one: Submission, proposal: Proposal) -> None:
        query, uuid = one.candidate.query, one.arrival.message.message_uuid
        if proposal.units:
            for scope in one.candidate.policy.limits.scopes:
                self._units[scope, usage.slot(query.at)] += proposal.units
        number, person = query.conversation
        if proposal.messages:
            self._cooldowns += [
                {"number": number, "person": person, "key": use.key, "at": query.at, "message_uuid": uuid}
                for use in proposal.uses
            ]
        if proposal.change:
            self._changes.append(proposal.change)
            self._vouching += one.arrival.request.proofs
        if one.copy:
            self._copied.append((one, proposal))
