"""The environment that a file is read in: `.env` beside it, below the variables of the process."""

import os
from collections.abc import Mapping
from pathlib import Path

NAME = ".env"


def environment(folder: Path) -> Mapping[str, str]:
    """What `{ env = ".." }` and $AUTOREPLY_DATA mean for a file in this folder, read afresh."""
    file = folder / NAME
    if not file.is_file():
        return os.environ.copy()
    from dotenv import dotenv_values  # noqa: PLC0415 - 15 ms that only those with such a file pay

    try:
        found = dotenv_values(file, encoding="utf-8-sig", interpolate=False)
    except (OSError, UnicodeDecodeError):
        return os.environ.copy()
    return {name: value for name, value in found.items() if value is not None} | os.environ
