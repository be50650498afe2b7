"""Log and count refusals. Lines that any request can cause are summarised, so that they cannot fill the disk."""

from app.plivo.refusals import Refused
from app.telemetry import get_logger, mask, mask_numbers
from app.telemetry.metrics import NOT_FOUND, Metrics
from app.telemetry.recent import RecentCounts
from app.telemetry.throttle import Throttle

log = get_logger("web")

FIRST = 3  # lines of one kind in `SECONDS`; the rest are counted in one line
SECONDS = 1.0
PATH_SHOWN = 200  # characters
SERVER_ERROR = 500

HUNG_UP = "hung_up"
UNVERIFIED = "unverified"
V2_BESIDE_V3 = "v2_beside_v3"


class RefusalLog:
    """The log lines and metrics of refusals, for one service."""

    def __init__(self, metrics: Metrics) -> None:
        self.recent = RecentCounts()
        self.advice: dict[str, str] = {}  # by the label of a refusal: the last advice given
        self._metrics = metrics
        self._throttle: Throttle[str] = Throttle(FIRST, SECONDS, self._summarise)

    def would_log(self, kind: str) -> bool:
        """Return whether the next refusal of this kind gets a line of its own."""
        return self._throttle.would_admit(kind)

    def refused(self, endpoint: str, refusal: Refused, *, path: str, method: str, signed: bool) -> None:
        """Log and count a refused call.

        If Plivo signed it, it is always logged, because strangers cannot cause that.
        """
        self._metrics.refused(endpoint, refusal.label)
        self.recent.count(refusal.label)
        if refusal.advice:
            self.advice[refusal.label] = refusal.advice
        if signed or self._throttle.admit(refusal.label):
            level = log.error if refusal.status >= SERVER_ERROR else log.warning
            fields = {"status": refusal.status, "path": _shown(path), "method": method, "reason": str(refusal)}
            level("refused", **fields, **_advising(refusal.advice))

    def not_found(self, path: str, method: str, public_url: str) -> None:
        """Log and count a call with a signature to a path that is not served."""
        self._metrics.not_found()
        self.recent.count(NOT_FOUND)
        if self._throttle.admit(NOT_FOUND):
            reason = f"no such path; Plivo must call {public_url}/message or {public_url}/report"
            log.warning("refused", status=404, path=mask_numbers(path[:PATH_SHOWN]), method=method, reason=reason)

    def hung_up(self, path: str) -> None:
        """Log a caller that hung up before its body was complete."""
        if self._throttle.admit(HUNG_UP):
            log.info("caller hung up before its request was complete", path=_shown(path))

    def unverified(self, reason: str, advice: str | None) -> None:
        """Log a call that log-only mode let pass."""
        if self._throttle.admit(UNVERIFIED):
            log.warning('unverified request accepted: signature = "log-only"', reason=reason, **_advising(advice))

    def v2_beside_v3(self, times: int, checked: str) -> None:
        """Log and count a call that V2 verified although its V3 did not match."""
        self._metrics.v2_beside_v3()
        if self._throttle.admit(V2_BESIDE_V3):
            log.warning("V2 signature accepted although V3 does not match", times=times, checked=checked)

    def _summarise(self, kind: str, count: int) -> None:
        log.warning("similar lines suppressed", kind=kind, count=count, seconds=SECONDS)


def _advising(advice: str | None) -> dict[str, str]:
    """Return advice as a field of its own, because a long reason would be cut and the advice lost."""
    return {"advice": advice} if advice else {}


def _shown(path: str) -> str:
    """Return a path that is served. A number is masked where a MessageUUID belongs, which has digits and hyphens."""
    start, slash, last = path.rpartition("/")
    return f"{start}{slash}{mask(last)}" if last.isdigit() else path
