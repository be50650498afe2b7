"""File descriptors: without a free one, the system resets whoever connects, signed or not."""

import resource

OURS = 64  # store, log, listening sockets, and some to spare


def raise_limit() -> int:
    """Raises the soft limit of open files to the hard one; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # "unlimited" is more than the kernel gives
        return soft
    return hard


def connections_within(descriptors: int, wanted: int) -> int:
    """How many connections there may be: each may need a second descriptor for a webhook, and a third while one
    that was given up is still being closed.
    """
    return max(1, min(wanted, (descriptors - OURS) // 3))
