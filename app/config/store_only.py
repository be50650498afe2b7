"""What commands on the store need of a file: `[store]`, and as much of the rest as can be read without complaint.

At three in the morning a half-edited file, or a secret that only the server has, must not keep anybody from `history`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.config import numbers
from app.config.diagnostics import BadConfig, Diagnostic
from app.config.loading import open_salvaged
from app.config.source import Source
from app.config.store_url import read_store
from app.config.tree import is_source
from app.plivo.numbers import Reading
from app.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class StoreOnly:
    """The store, and what numbers mean."""

    store: StoreSettings
    country: str | None
    numbers: frozenset[str]  # of the routes, as far as they can be read
    broken: tuple[Diagnostic, ...] = ()  # why the file is not TOML, if it is not

    def read_address(self, source: str) -> Reading:
        """Return the address of somebody who texts us. Raises `ValueError` with advice."""
        return numbers.read_address(source, self.country)


def load_store(path: Path) -> StoreOnly:
    """Read `[store]`, also from a file that is not TOML, if what is wrong stands elsewhere.

    Raises `BadConfig` for what is wrong with that table, or for a file that cannot be read.
    """
    source, broken = open_salvaged(path)
    store = read_store(source)
    if store is None or source.has_errors:
        raise BadConfig(str(path), source.diagnostics())
    country = _country(source.value(("plivo", "country")), source)
    found = frozenset(_numbers(source, country))
    return StoreOnly(store, country, found, broken)


def _country(value: Any, source: Source) -> str | None:
    text = source.resolved(value) if is_source(value) else value
    try:
        return numbers.read_country(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _numbers(source: Source, country: str | None) -> Iterator[str]:
    read = partial(numbers.read_number, country=country)
    routes = source.data.get("routes", [])
    for route in routes if isinstance(routes, list) else [routes]:
        to = route.get("to", []) if isinstance(route, Mapping) else []
        for one in to if isinstance(to, list) else [to]:
            text = source.resolved(one) if is_source(one) else one
            for line in text.splitlines() if isinstance(text, str) else ():
                try:
                    yield read(line.partition("#")[0].strip())
                except ValueError:
                    continue
