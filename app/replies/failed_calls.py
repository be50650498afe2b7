"""Calls that get 503: why, and how they are recorded."""

import asyncio

from app.plivo.refusals import Unavailable
from app.replies.journal import FailedCall, Journal
from app.telemetry import get_logger

log = get_logger("replies")

CALLS = 4  # of Plivo for one message, at 0, 60, 180 and 420 s


class RulesFailed(Unavailable):
    """Nothing answered and a rule failed. Plivo's next call may still get an answer."""

    label = "rule_failed"

    def __init__(self, calls: int, cause: str) -> None:
        super().__init__(f"no rule answered (call {calls} of {CALLS}): {cause}")
        self.cause = cause


class Busy(Unavailable):
    """Too many messages of one route are waiting for its rules."""

    label = "busy"


class FailedCalls:
    """A recorder of failed calls in the background: a call that has reached its deadline cannot wait for the store."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._recording: set[asyncio.Task[None]] = set()

    def record(self, call: FailedCall) -> None:
        """Record a call without waiting for it."""
        task = asyncio.create_task(self._record(call))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def _record(self, call: FailedCall) -> None:
        try:
            await self._journal.fail(call)
        except Unavailable as error:
            log.error("cannot record a failed call", message_uuid=call.arrival.message.message_uuid, reason=str(error))
