"""What can be read of a file that is not TOML: each table by itself, for commands that only need the store."""

import re
import tomllib
from itertools import pairwise
from typing import Any

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_NAMES_STORE = re.compile(r"""^[ \t]*(?:\[+[ \t]*)?["']?store["']?[ \t]*[].=\n]""", re.MULTILINE)


def salvaged(text: str) -> dict[str, Any] | None:
    """Return `[store]`, `[plivo]` and the routes, as far as they can be read.

    None if it cannot be told what stands in `[store]`: another store would be read, or changed, than the one that is
    meant.
    """
    found: dict[str, Any] = {"routes": []}
    starts = [0, *(header.start() for header in _HEADER.finditer(text)), len(text)]
    for chunk in (text[start:end] for start, end in pairwise(starts)):
        try:
            tables = tomllib.loads(chunk)
        except (tomllib.TOMLDecodeError, RecursionError):
            if _NAMES_STORE.search(chunk):
                return None
            continue
        if "store" in tables and "store" in found:
            return None
        found |= {name: tables[name] for name in ("store", "plivo") if name in tables}
        found["routes"] += tables["routes"] if isinstance(tables.get("routes"), list) else []
    return found
