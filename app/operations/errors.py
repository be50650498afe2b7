"""The errors of operations: the caller asked for the wrong thing, or the operation failed."""


class OperationRefused(Exception):
    """A request that cannot be fulfilled. The message says why, and what to ask for instead. Nothing has changed."""


class OperationFailed(Exception):
    """A problem that the operation met or found. The message says what it is, and where to look."""
