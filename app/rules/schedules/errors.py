"""What is wrong with a schedule of the file."""


class BadSchedule(ValueError):
    """The message says what to write instead. `key` is the option that it belongs to."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)
