"""The version of a configuration: 12 hexadecimal digits that change with what its files say, secrets apart (G10)."""

import hashlib
import json
from pathlib import Path

from app.config.secrecy import is_secret, masked
from app.config.source import Source
from app.config.tree import is_source, leaves

_DIGITS = 12


def version_of(source: Source) -> str:
    """A digest over the file and what it includes, and over the number files, text files and Python files they name."""
    digest = hashlib.sha256(json.dumps(masked((), source.data), default=str).encode())
    for file in sorted(_files(source)):
        digest.update(hashlib.sha256(_content(source, file)).digest())
    return digest.hexdigest()[:_DIGITS]


def _files(source: Source) -> set[Path]:
    values = list(leaves(source.data))
    sources = [value for place, value in values if is_source(value) and "file" in value and not is_secret(place)]
    named = {source.folder / str(value["file"]) for value in sources}
    functions = [value for place, value in values if place[-1:] == ("python",)]
    return named | {file for value in functions if (file := _module(source.folder, str(value)))}


def _content(source: Source, file: Path) -> bytes:
    if file not in source.contents:
        try:
            source.contents[file] = file.read_bytes()
        except OSError:
            return b""
    return source.contents[file]


def _module(folder: Path, name: str) -> Path | None:
    """The file of a rule's function, if it is beside the config file."""
    stem = folder.joinpath(*name.partition(":")[0].split("."))
    return next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()), None)
