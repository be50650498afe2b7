"""Convert the outcome of an attempt to what the queue stores. Pure."""

from app.delivery.queue import Delivery, Settlement
from app.delivery.retry import AttemptOutcome, RetryDecision


def settled_as(decision: RetryDecision, delivery: Delivery, outcome: AttemptOutcome, seconds: float) -> Settlement:
    """Return the settlement of an attempt that took `seconds`."""
    return Settlement(
        delivery.id,
        delivery.lease,
        decision.state,
        delivery.attempt if decision.counted else delivery.attempt - 1,
        delay=decision.delay,
        status=outcome.status,
        error=outcome.error,
        seconds=seconds,
        response=outcome.response,
    )


def interrupted(delivery: Delivery, seconds: float | None = None) -> Settlement:
    """Return the settlement of a delivery that a stop interrupted. It is due again at once.

    Without `seconds` nothing was posted, and no attempt is used up.
    """
    attempts = delivery.attempt if seconds is not None else delivery.attempt - 1
    return Settlement(delivery.id, delivery.lease, "due", attempts, error="interrupted by a shutdown", seconds=seconds)
