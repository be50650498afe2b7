"""Modules beside config files: what one test imports, the next must not find."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def forgotten() -> Iterator[None]:
    """What is imported meanwhile from folders that are new on the path is gone afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        folders = tuple(folder for folder in sys.path if folder not in path)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if any(folder in repr(getattr(sys.modules[name], "__spec__", None)) for folder in folders):
                del sys.modules[name]
        importlib.invalidate_caches()
