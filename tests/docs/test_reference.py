"""The reference names everything that there is, and is never stale."""

import difflib
import functools
import re
from pathlib import Path

import pytest
from generate import FILES
from generate.commands import every_command
from generate.log_events import COMPUTED, events
from generate.meanings import MEANINGS
from generate.metrics import WORDS, families, labels_of
from generate.plivo_errors import ADVICE
from support.pages import DOCS, PAGES, ROOT, name_of

from app.config.models import keys_of
from app.config.rule_options import COMMON
from app.config.tables import TABLES
from app.plivo.errors import TEXTS
from app.rules import KINDS
from app.store.disk import DEFAULT

MADE = {file.relative_to(DOCS).as_posix(): functools.cache(make) for file, make in FILES.items()}
NAME = re.compile(r"autoreply_[a-z0-9_]+")


@pytest.mark.parametrize("name", MADE)
def test_it_says_what_the_code_says(name: str) -> None:
    """A change of the code changes the page; the failure shows how to make it anew."""
    found, made = (DOCS / name).read_text(), MADE[name]()
    diff = difflib.unified_diff(found.splitlines(), made.splitlines(), name, "made anew", n=1, lineterm="")
    assert made == found, "stale; run: make reference\n" + "\n".join(diff)


def test_every_key_has_an_entry() -> None:
    """Each key of each table, with its type."""
    tables = [options for options in TABLES.values() if options]
    keys = keys_of(*tables, *COMMON, *KINDS.values())
    entries = re.findall(
        r"^#### `[^`]+\.(\w+)`\n\n[^\n]+\n\n- Type: ", MADE["reference/configuration.md"](), re.MULTILINE
    )
    assert keys - set(entries) == set()


def test_every_command_and_option_has_an_entry() -> None:
    """Each command has a heading, an example, and a row for each option and argument."""
    for name, command in every_command():
        section = re.search(rf"^##+ {name}\n(.*?)(?=^##|\Z)", MADE["reference/commands.md"](), re.DOTALL | re.MULTILINE)
        assert section, name
        assert "```sh\n" in section[1], f"{name} has no example"
        options = [name for one in command.params for name in one.opts if name.startswith("-")]
        assert [option for option in options if f"`{option}`" not in section[1]] == [], name


def test_every_metric_has_a_row() -> None:
    """Each metric with its labels; and no page names a metric that does not exist."""
    rows = dict(re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", MADE["reference/metrics.md"](), re.MULTILINE))
    ours = {name: family for name, family in families().items() if name.startswith("autoreply_")}
    assert ours.keys() - rows.keys() == set()
    for name, family in ours.items():
        assert re.findall(r"`(\w+)`", rows[name]) == labels_of(family), name
    assert [name for name in ours if not ours[name].samples] == [], "no event of it happens in generate/metrics.py"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_metrics_that_pages_name_exist(page: Path) -> None:
    """Whoever copies a query gets figures."""
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(page.read_text())}
    assert named - families().keys() - {"autoreply_now"} == set()  # the last one is a function of PostgreSQL


def test_words_of_labels_are_explained() -> None:
    """Each word that a label may have, and no other."""
    for (metric, label), (words, meanings) in WORDS.items():
        assert set(words) == meanings.keys(), f"{label} of {metric}: docs/generate/metrics.py"


def test_every_log_event_is_explained() -> None:
    """What the code can log, and nothing else: docs/generate/meanings.py."""
    assert sorted(events().keys() - MEANINGS.keys()) == [], "events without a meaning"
    assert sorted(MEANINGS.keys() - events().keys()) == [], "meanings of events that are no longer logged"


def test_events_that_the_runbook_quotes_exist() -> None:
    """Whoever compares the log with the runbook finds the same words."""
    quoted = re.findall(r"`([^`]+)` in the log", (DOCS / "runbook.md").read_text())
    known = events()
    assert len(quoted) > 10
    assert [words for words in quoted if not any(words in event for event in known)] == []


def test_computed_events_are_in_the_code() -> None:
    """What stands for an expression is written in that file, word for word, but for what is put in."""
    for (file, _), names in COMPUTED.items():
        text = (ROOT / "app" / file).read_text()
        assert [name for name in names if name.removeprefix("the .. ") not in text] == [], file


def test_every_error_code_has_advice() -> None:
    """Each code of Plivo that the service knows, and no other."""
    assert ADVICE.keys() == TEXTS.keys()


def test_the_default_reserve_is_told() -> None:
    """The page and the example say what the code does."""
    assert f"The default is {DEFAULT >> 20} MiB" in (DOCS / "store.md").read_text()
    assert f'reserve = "{DEFAULT >> 20}MiB"' in (ROOT / "config.example.toml").read_text()
