"""The types of requests and responses, and their errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from app import __version__

USER_AGENT = f"plivo-autoreply/{__version__}"


class RequestFailed(Exception):
    """A request that got no response. The message says why, in this service's own words and without a URL."""


class BadEnvironment(Exception):
    """A variable for outgoing connections that cannot be used. The message names it, but never shows its value."""


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """A response: status, content type, Retry-After, and the first `cap` bytes of the body, undecoded."""

    status: int
    content_type: str
    retry_after: str | None
    body: bytes
    truncated: bool
    compressed: bool = False  # has a Content-Encoding, although none is accepted
    broken: str | None = None  # why the rest after the status line is missing or incomplete
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # names in any case

    @property
    def date(self) -> float | None:
        """The Date header: what the server's clock said, in seconds since the epoch. None: it is missing or invalid."""
        header = self.headers.get("date")
        try:
            return parsedate_to_datetime(header).timestamp() if header else None
        except ValueError:
            return None
