"""The error of schedules in the configuration file."""


class BadSchedule(ValueError):
    """A schedule that cannot be used. The message says what to write instead; `key` is the option that it is about, and
    `at` the characters of its value.
    """

    def __init__(self, key: str, message: str, at: range | None = None) -> None:
        self.key = key
        self.at = at
        super().__init__(message)
