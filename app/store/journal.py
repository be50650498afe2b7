"""The journal (`app.replies.journal.Journal`) of a database."""

from app.replies.journal import Claimed, ClaimRequest, FailedCall, Held, Recorded, Submission
from app.store.messages import Messages
from app.store.writer import Writer


class SqlJournal:
    """A journal that submits each request to the writer, which groups them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._messages = Messages()

    async def record(self, submission: Submission) -> Recorded:
        """Implement `Journal.record`."""
        return await self._writer.submit(self._messages.record, submission)

    async def claim(self, request: ClaimRequest) -> Recorded | Held | Claimed:
        """Implement `Journal.claim`."""
        return await self._writer.submit(self._messages.claim, request)

    async def fail(self, call: FailedCall) -> int:
        """Implement `Journal.fail`."""
        return await self._writer.submit(self._messages.fail, call)

    async def release(self, owner: str) -> None:
        """Implement `Journal.release`."""
        await self._writer.submit(self._messages.release, owner)
