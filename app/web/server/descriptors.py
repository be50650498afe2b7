"""File descriptors. If none is free, the system resets every new connection, signed or not."""

import resource

OURS = 64  # for the store, the log, listening sockets, and some spare


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one. Return the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # the kernel does not grant "unlimited"
        return soft
    return hard


def connections_within(descriptors: int, wanted: int) -> int:
    """Return how many of the `wanted` connections these descriptors allow.

    Each may need a second descriptor for a webhook, and a third while a connection that was given up is still being
    closed.
    """
    return max(1, min(wanted, (descriptors - OURS) // 3))
