"""What came of a reload: values that a signal handler logs and the API returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileError:
    """An error of a configuration file. Line and column count from 1; None: of the file as a whole."""

    file: str
    line: int | None
    column: int | None
    key: str
    message: str

    @property
    def place(self) -> str:
        """The file, and the line if there is one; never a value."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The version of the configuration in force now.

    With `errors` it is the one before the reload. `needs_restart` names the keys that have changed in the file and stay
    as they were until the service is restarted.
    """

    config: str
    needs_restart: tuple[str, ...] = ()
    errors: tuple[FileError, ...] = ()
