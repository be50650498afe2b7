"""The types of requests and responses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app import __version__

USER_AGENT = f"plivo-autoreply/{__version__}"


class RequestFailed(Exception):
    """A request that got no response. The message says why, in this service's own words and without a URL."""


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
