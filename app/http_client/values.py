"""What is posted, and what comes back."""

from dataclasses import dataclass


class RequestFailed(Exception):
    """The POST got no answer; the message says why, in our own words and without URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, content type, Retry-After, and the first `cap` bytes of the body, undecoded."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes
    truncated: bool
    packed: bool = False  # in a Content-Encoding, though we accept none
    broken: str | None = None  # why what follows the status line is missing, in whole or in part
