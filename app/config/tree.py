"""The values of a parsed file: what stands at a place, and every single value with its place."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.rules.compiler import Place

ABSENT = object()  # what stands at a place that the file does not have

_SOURCES = frozenset({"env", "file", "optional", "default"})


def is_source(value: Any) -> bool:
    """Whether it is `{ env = ".." }` or `{ file = ".." }`."""
    return (
        isinstance(value, Mapping) and bool(value) and value.keys() <= _SOURCES and bool(value.keys() & {"env", "file"})
    )


def value_at(data: Any, place: Place) -> Any:
    """What stands at a place, or `ABSENT`."""
    value = data
    for key in place:
        try:
            container: Any = value if isinstance(value, Mapping | list) else {}
            value = container[key]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return value


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every single value, and every `{ env = ".." }` and `{ file = ".." }`, with its place."""
    if isinstance(value, Mapping) and not is_source(value):
        for key, inner in value.items():
            yield from leaves(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*place, index))
    else:
        yield place, value
