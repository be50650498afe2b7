"""Files to one `Source`: TOML is parsed, `include` followed, the environment completed by `.env`."""

import glob
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.config.diagnostics import BadConfig, Diagnostic
from app.config.environment import environment
from app.config.locating import Part
from app.config.salvage import salvaged
from app.config.source import Source
from app.config.syntax import carriage_return, explain, undecodable
from app.config.tables import INCLUDE, LISTS, SHARED
from app.config.tree import is_source
from app.suggestions import suggestion

TABLES = ("rules", "schedules")  # of an included file

_ABSENT = "there is no such file; `plivo-autoreply init` writes one, -c or $AUTOREPLY_CONFIG names another"


def open_source(path: Path, flags: Mapping[str, Any]) -> Source:
    """The file with everything that it includes. Raises `BadConfig` if one of them cannot be read or is not TOML."""
    source = open_main(path)
    broken: list[Diagnostic] = []
    for name in list(_included(source, source.data.pop(INCLUDE, []))):
        for part, more in _parts(source, str(path.parent / name), source.folder / name, broken):
            _merge(source, part, more)
    if broken:
        raise BadConfig(str(path), broken)
    if flags and isinstance(source.data.setdefault("server", {}), dict):
        source.data["server"].update(flags)
        source.flags = frozenset(flags)
    return source


def open_main(path: Path) -> Source:
    """The file without what it includes. Raises `BadConfig` if it cannot be read or is not TOML."""
    source = Source(path, environment(path.resolve().parent))
    broken: list[Diagnostic] = []
    for part, data in _parts(source, str(path), path, broken):
        source.data, source.parts = data, [part]
    if broken:
        raise BadConfig(str(path), broken)
    return source


def open_salvaged(path: Path) -> tuple[Source, tuple[Diagnostic, ...]]:
    """The file as `open_main` reads it; of one that is not TOML the tables that can be read, and what is wrong with it.

    Raises `BadConfig` if it cannot be read, or if it cannot be told what stands in `[store]`.
    """
    try:
        return open_main(path), ()
    except BadConfig as refusal:
        text = _text(path)
        data = None if text is None else salvaged(text)
        if text is None or data is None:
            raise
        source = Source(path, environment(path.resolve().parent), data, [Part(str(path), text)])
        return source, refusal.diagnostics


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None


def _parts(source: Source, name: str, path: Path, broken: list[Diagnostic]) -> Iterator[tuple[Part, dict[str, Any]]]:
    """One file, or nothing and what is wrong with it."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        source.contents[path.resolve()] = content
        yield Part(name, text), tomllib.loads(text)
    except FileNotFoundError:
        broken.append(Diagnostic("", _ABSENT, file=name))
    except UnicodeDecodeError as error:
        broken.append(undecodable(name, content, error))
    except OSError as error:
        broken.append(Diagnostic("", f"the file cannot be read: {error.strerror}", file=name))
    except tomllib.TOMLDecodeError as error:
        broken.append(carriage_return(name, text) if "\r" in text else explain(name, text, error))
    except RecursionError:
        broken.append(Diagnostic("", "tables or lists are nested too deeply", file=name))


def _included(source: Source, patterns: Any) -> Iterator[str]:
    """The names of the files that `include` asks for, relative to the folder of the file, each once and in order."""
    seen = {source.shown.resolve()}
    for index, written in enumerate(patterns if isinstance(patterns, list) else [patterns]):
        place = (INCLUDE, index) if isinstance(patterns, list) else (INCLUDE,)
        pattern = source.resolved(written) if is_source(written) else written
        if pattern is None and written.get("optional") is True:
            continue
        if not isinstance(pattern, str):
            source.note(place, 'not a name of files; write include = ["teams/*.toml"]')
            continue
        found = sorted(glob.glob(pattern, root_dir=source.folder, recursive=True))  # noqa: PTH207 - takes absolute ones
        if not found and glob.has_magic(pattern):
            source.note(place, f'no file is called like that: "{pattern}"; the folder is {source.folder}', "warning")
        elif not found:
            source.note(place, f'there is no file "{pattern}"; the folder is {source.folder}')
        for name in found:
            if (path := (source.folder / name).resolve()) not in seen:
                seen.add(path)
                yield os.fspath(name)


def _merge(source: Source, part: Part, data: Mapping[str, Any]) -> None:
    """Add what an included file holds."""
    part.before = {name: len(_list(source.data, name)) for name in LISTS}
    source.parts.append(part)
    for name in sorted(data.keys() - set(SHARED)):
        message = f"an included file holds only routes, rules, schedules and tests; {_home(source, name)}"
        source.note_in(part, (name,), message, about="key")
    for name in LISTS:
        if name in data:
            source.data[name] = [*_list(source.data, name), *_list(data, name)]
    for name in TABLES:
        more = data.get(name, {})
        own = source.data.setdefault(name, {}) if more else {}
        if not isinstance(more, Mapping):
            source.note_in(part, (name,), f"expected tables; write [{name}.x] and its keys below")
        elif isinstance(own, dict):
            for key in own.keys() & more.keys():
                message = f"[{name}.{key}] stands in {_holder(source, name, key)} already; rename one of them"
                source.note_in(part, (name, key), message, about="key")
            own |= {key: value for key, value in more.items() if key not in own}


def _home(source: Source, name: str) -> str:
    near = suggestion(name, SHARED)
    return f'did you mean "{near}"?' if near else f"write it into {source.shown}"


def _holder(source: Source, table: str, key: str) -> str:
    """The file that has this table, the newest one apart."""
    return next(part.name for part in source.parts if part.tree.find((table, key))[1] == len((table, key)))


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    found = data.get(name, [])
    return found if isinstance(found, list) else [found]
