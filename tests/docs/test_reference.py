"""The reference of every key and the JSON Schema are made from the declarations, and are never stale."""

import difflib
import importlib.util
import re
from pathlib import Path

import pytest

from app.config.models import declarations
from app.config.rule_options import COMMON
from app.config.tables import TABLES
from app.rules import KINDS

DOCS = Path(__file__).parents[2] / "docs"
_spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
assert _spec
assert _spec.loader
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


@pytest.mark.parametrize("name", ["configuration.md", "config.schema.json"])
def test_it_says_what_the_declarations_say(name: str) -> None:
    """A changed declaration changes the page; the failure shows how to make it anew."""
    made, found = reference.files()[DOCS / name], (DOCS / name).read_text()
    diff = "\n".join(difflib.unified_diff(found.splitlines(), made.splitlines(), name, "made anew", n=1, lineterm=""))
    assert made == found, f"stale; run: make reference\n{diff}"


def test_every_key_has_an_entry() -> None:
    """Each key of each table, with its type."""
    page = (DOCS / "configuration.md").read_text()
    tables = [options for options in TABLES.values() if options]
    keys = {key for options in (*tables, *COMMON, *KINDS.values()) for key, _, _ in declarations(options)}
    entries = re.findall(r"^#### `[^`]+\.(\w+)`\n\n[^\n]+\n\n- Type: ", page, re.MULTILINE)
    assert keys <= set(entries)
