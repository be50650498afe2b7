"""Calls that got 503, recorded beside the calls themselves."""

import asyncio
import io
import json

from support.stored import arrival

from app import telemetry
from app.plivo.refusals import Unavailable
from app.replies.failed_calls import FailedCalls
from app.replies.journal import Claimed, ClaimRequest, FailedCall, Held, Recorded, Submission


class Broken:
    """A journal that cannot write."""

    async def record(self, submission: Submission) -> Recorded:
        """Raise `Unavailable`."""
        raise Unavailable(submission.arrival.message.message_uuid)

    async def claim(self, request: ClaimRequest) -> Recorded | Held | Claimed:
        """Raise `Unavailable`."""
        raise Unavailable(request.owner)

    async def fail(self, call: FailedCall) -> int:
        """Raise `Unavailable`."""
        raise Unavailable(f"cannot write {call.status}")

    async def release(self, owner: str) -> None:
        """Raise `Unavailable`."""
        raise Unavailable(owner)


async def test_call_that_cannot_be_recorded_is_logged() -> None:
    """A store that cannot write costs the record of the call, and the log has it instead."""
    stream = io.StringIO()
    telemetry.configure("json", "info", "last4", stream)
    FailedCalls(Broken()).record(FailedCall(arrival("one"), 503, "no answer within the deadline"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["message_uuid"]) == ("cannot record a failed call", "one")
    assert line["reason"] == "cannot write 503"
