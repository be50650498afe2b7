"""Write values as TOML."""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any


def dump(data: Mapping[str, Any]) -> str:
    """Return a document: single keys first, then a header for each table and each element of a list of tables."""
    return "\n".join(_tables((), data)).lstrip("\n") + "\n"


def inline(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(name)} = {inline(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inline, value))}]"
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)


def key(name: str) -> str:
    """Return a key, in quotes if it needs them."""
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def _tables(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    nested = {name: value for name, value in table.items() if _is_table(value) or _is_list_of_tables(value)}
    for name, value in table.items():
        if name not in nested:
            yield f"{key(name)} = {inline(value)}"
    for name, value in nested.items():
        here = (*path, name)
        header = ".".join(map(key, here))
        for one in value if isinstance(value, list) else [value]:
            only_tables = isinstance(one, Mapping) and one and all(_is_table(inner) for inner in one.values())
            if not only_tables or isinstance(value, list):
                yield f"\n[[{header}]]" if isinstance(value, list) else f"\n[{header}]"
            yield from _tables(here, one)


def _is_table(value: Any) -> bool:
    """Whether it has a header of its own; what fits on a line in braces has none."""
    return isinstance(value, Mapping) and not value.keys() & {"env", "file"}


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))
