"""Why an operation was not done: its caller asked for the wrong thing, or it met a problem."""


class OperationRefused(Exception):
    """What was asked cannot be done; the message says why and what to ask instead. Nothing has changed."""


class OperationFailed(Exception):
    """A problem that the operation met or found; the message says what and where to look."""
