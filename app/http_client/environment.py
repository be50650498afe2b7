"""The error of the environment's variables for outgoing connections."""


class BadEnvironment(Exception):
    """A variable for outgoing connections that cannot be used. The message names it, but never shows its value."""
