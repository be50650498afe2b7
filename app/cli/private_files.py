"""Files that only their owner may read."""

import os
import stat
from pathlib import Path
from typing import IO

import click

from app.cli.common import UsageError


def open_private(path: Path) -> IO[str]:
    """Open a file for writing, readable by its owner only, or stdout for "-". Raises `UsageError`."""
    if path == Path("-"):
        return click.open_file("-", "w", encoding="utf-8")
    try:
        return os.fdopen(_handle(path), "w", encoding="utf-8", newline="")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise UsageError(message) from None


def _handle(path: Path) -> int:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):  # one that was there already keeps no wider mode
        os.fchmod(handle, 0o600)
    return handle
