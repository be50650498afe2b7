"""Every way to turn a request away, each with the status that Plivo gets.

    Refused            status
    |-- Malformed      400  signed perhaps, but not a message or a report
    |-- Forged         403  a wrong signature, or one that was made for other words
    |   `-- Unsigned        none at all: a stranger, or a scanner
    |-- NotAllowed     405  neither GET nor POST
    |-- TooSlow        408  the body did not come within the deadline
    |-- TooLarge       413  the body is over body_limit
    |-- Unsupported    415  the body is no form
    `-- Unavailable    503  we cannot keep our promise now; Plivo calls again after 60 s
        `-- Late            not within the deadline

`str(refusal)` goes to the log, `label` to the metrics. The client sees `public` only: it may be a stranger.
"""

from typing import ClassVar


class Refused(Exception):
    """A request that is not served. The message is for the log and names no secret and no text."""

    status: ClassVar[int] = 400
    label: ClassVar[str] = "malformed"
    public: ClassVar[str] = "refused"
    headers: ClassVar[dict[str, str]] = {}
    advice: str | None = None  # what to change, for the log


class Malformed(Refused):
    """Plivo would not send this: broken encoding, a missing field, two answers to one question."""

    status = 400
    public = "malformed request"


class Forged(Refused):
    """Not signed by Plivo for these words."""

    status = 403
    label = "forged"
    public = "signature not accepted"

    def __init__(self, reason: str, advice: str | None = None) -> None:
        super().__init__(reason)
        self.advice = advice


class Unsigned(Forged):
    """No signature that could be checked."""

    label = "unsigned"


class NotAllowed(Refused):
    """Plivo calls with GET or POST."""

    status = 405
    label = "method"
    public = "method not allowed"
    headers: ClassVar[dict[str, str]] = {"Allow": "GET, POST"}


class TooSlow(Refused):
    """The body did not come in time; the rest of it is not waited for."""

    status = 408
    label = "slow_body"
    public = "request body too slow"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class TooLarge(Refused):
    """The body is over the limit."""

    status = 413
    label = "large_body"
    public = "request body too large"


class Unsupported(Refused):
    """A body that is neither urlencoded nor multipart."""

    status = 415
    label = "media_type"
    public = "expected application/x-www-form-urlencoded"


class Unavailable(Refused):
    """The store cannot write, or not in time. Plivo retries after 60, 120 and 240 s.

    https://support.plivo.com/hc/en-us/articles/360041344652
    """

    status = 503
    label = "unavailable"
    public = "try again later"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "10"}


class Late(Unavailable):
    """No answer within the deadline; what goes on behind it may serve the next call."""

    label = "deadline"
