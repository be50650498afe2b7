"""The result of a reload: values that the service logs and the API returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileError:
    """An error in a configuration file. Line and column count from 1. They are None for an error of the whole file."""

    file: str
    line: int | None
    column: int | None
    key: str
    message: str

    @property
    def place(self) -> str:
        """The file, and the line if there is one. Never contains a value."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The version of the configuration in force after a reload.

    With `errors` it is the previous one. `needs_restart` names the keys that have changed in the file but take effect
    only after a restart.
    """

    config: str
    needs_restart: tuple[str, ...] = ()
    errors: tuple[FileError, ...] = ()
