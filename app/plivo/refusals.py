"""Every reason to refuse a request, with the status that Plivo gets.

    Refused            status
    |-- Malformed      400  not a valid message or report, signed or not
    |-- Forged         403  a wrong signature, or one that was made for other content
    |   `-- Unsigned        no signature that can be checked
    |-- NotAllowed     405  neither GET nor POST
    |-- TooSlow        408  the body was not complete within the deadline
    |-- TooLarge       413  the body is over body_limit
    |-- Unsupported    415  the body is not a form
    `-- Unavailable    503  the guarantees cannot be kept now; Plivo calls again after 60 s
        `-- Late            no answer within the deadline

`str(refusal)` goes to the log and `label` to the metrics. The client sees only `public`, because it may be a stranger.
"""

from typing import ClassVar


class Refused(Exception):
    """A request that is refused. The message is for the log and contains no secret and no text."""

    status: ClassVar[int] = 400
    label: ClassVar[str] = "malformed"
    public: ClassVar[str] = "refused"
    headers: ClassVar[dict[str, str]] = {}
    advice: str | None = None  # what to change, for the log


class Malformed(Refused):
    """A request that Plivo would not send: broken encoding, a missing field, or a field with two values."""

    status = 400
    public = "malformed request"


class Forged(Refused):
    """A signature that was not made by Plivo for this content."""

    status = 403
    label = "forged"
    public = "signature not accepted"

    def __init__(self, reason: str, advice: str | None = None) -> None:
        super().__init__(reason)
        self.advice = advice


class Unsigned(Forged):
    """A request without a signature that can be checked."""

    label = "unsigned"


class NotAllowed(Refused):
    """A method that Plivo does not use: it calls with GET or POST."""

    status = 405
    label = "method"
    public = "method not allowed"
    headers: ClassVar[dict[str, str]] = {"Allow": "GET, POST"}


class TooSlow(Refused):
    """A body that was not complete in time. The rest of it is not read."""

    status = 408
    label = "slow_body"
    public = "request body too slow"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class TooLarge(Refused):
    """A body over the limit."""

    status = 413
    label = "large_body"
    public = "request body too large"


class Unsupported(Refused):
    """A body that is neither urlencoded nor multipart."""

    status = 415
    label = "media_type"
    public = "expected application/x-www-form-urlencoded"


class Unavailable(Refused):
    """The store cannot write, or not in time. Plivo calls again after 60, 120 and 240 s.

    https://support.plivo.com/hc/en-us/articles/360041344652
    """

    status = 503
    label = "unavailable"
    public = "try again later"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "10"}


class Late(Unavailable):
    """No answer within the deadline. Rules that are still running may have one for Plivo's next call."""

    label = "deadline"
