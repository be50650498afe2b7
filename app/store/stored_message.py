"""The row of a message as a group sees it, and the calls that Plivo made for it."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from app.frozen import frozen
from app.store.driver import Row

CALLS_KEPT = 20  # Plivo makes four
ANSWERED = 200  # the status of a call that got an answer


@frozen
class Call:
    """One call by Plivo for a message, and its response."""

    at: float
    status: int
    reason: str


@dataclass(slots=True)
class StoredMessage:
    """The row of a message that arrived before. `id` is None while the group that writes it is in progress."""

    id: int | None
    state: str
    xml: bytes
    calls: list[Call] = field(default_factory=list)
    handed_over_at: float | None = None
    failures: int = 0
    row: dict[str, Any] | None = None  # what the group writes of it

    @classmethod
    def of(cls, row: Row) -> "StoredMessage":
        """Create it from a row of `rows.FIND`. Without `calls` there was one, answered when it arrived."""
        _, id_, state, xml, calls, received_at, handed_over_at, failures = row
        known = [Call(**call) for call in json.loads(calls)] if calls else []
        first = [Call(received_at, ANSWERED, "answered")] if state == "answered" and not known else known
        return cls(id_, state, xml, first, handed_over_at, failures)

    def called(self, at: float, status: int, reason: str) -> None:
        """Note one more call."""
        self.calls.append(Call(at, status, reason))
        del self.calls[:-CALLS_KEPT]

    def has_call(self, at: float) -> bool:
        """Return whether a call is noted already."""
        return any(call.at == at for call in self.calls)

    def failed(self, at: float, status: int, reason: str) -> None:
        """Note a call that got no answer. If it ended while its answer was being written, it was noted as answered."""
        for index, call in enumerate(self.calls):
            if (call.at, call.status) == (at, ANSWERED):
                self.calls[index] = Call(at, status, reason)
                self.handed_over_at = next((other.at for other in self.calls if other.status == ANSWERED), None)
                return
        self.called(at, status, reason)

    @property
    def calls_json(self) -> str:
        """The calls as the row stores them."""
        return json.dumps([asdict(call) for call in self.calls])
