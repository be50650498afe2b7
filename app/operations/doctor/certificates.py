"""What a connection says about a host: whether it is reached, and until when its certificate is valid."""

import time

from app.http_client.reach import Reached
from app.operations.doctor.values import Check, ok, warning

DAY = 86400.0
SOON = 14 * DAY  # seconds; certificates of Let's Encrypt are renewed 30 days before their end


def of_certificate(name: str, host: str, reached: Reached) -> Check:
    """Report that a host was reached, and the end of its certificate."""
    through = f" through the proxy {reached.proxy}" if reached.proxy else ""
    if reached.expires is None:
        return ok(name, f"{host} is reached{through}")
    left = reached.expires - time.time()
    day = time.strftime("%Y-%m-%d", time.gmtime(reached.expires))
    message = f"{host} is reached{through}; its certificate is valid until {day}, for {int(left // DAY)} days"
    if left < SOON:
        return warning(name, message, "renew it, and look at why it was not renewed by itself")
    return ok(name, message)
