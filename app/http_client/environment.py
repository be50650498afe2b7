"""What the environment may say wrongly about outgoing connections."""


class BadEnvironment(Exception):
    """A variable for outgoing connections cannot be used. The message names it, never its value."""
