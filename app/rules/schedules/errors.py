"""The error of schedules in the configuration file."""


class BadSchedule(ValueError):
    """A schedule that cannot be used. The message says what to write instead; `key` is the option that it is about."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)
