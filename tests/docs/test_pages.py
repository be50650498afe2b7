"""Every configuration that a page shows works: it loads without a warning, and its own [[tests]] pass."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.pages import DOCS, PAGES, blocks, name_of, named_files

from app.config import load
from app.operations.test import run_tests
from app.rules import KINDS

CONFIGURED = [page for page in PAGES if blocks(page, "toml")]
COMPLETE = {  # what a part needs to be a whole file, by the table that it lacks
    "server": '[server]\npublic_url = "https://sms.example.com"\n',
    "plivo": '[plivo]\nauth_tokens = { env = "PLIVO_AUTH_TOKEN" }\n',
    "routes": '[[routes]]\nto = "*"\ntext = "Got it."\n',
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_rule_has_a_page(kind: str) -> None:
    """What can be written in a file can be read about, with an example."""
    assert DOCS / "rules" / f"{kind}.md" in CONFIGURED


@pytest.mark.parametrize("page", CONFIGURED, ids=name_of)
async def test_the_files_of_a_page_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who copies an example gets what the page promises."""
    for name in ("PLIVO_AUTH_TOKEN", "PLIVO_AUTH_ID"):
        monkeypatch.setenv(name, "token")
    named = named_files(page)
    for name, code in named.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    for number, text in enumerate(_whole_files(page, named)):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        config = load(file)
        assert config.warnings == (), text
        results = await run_tests(config.runtime, config.tests, config.read_address)
        assert {result.faults for result in results} <= {()}, text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_rule_is_tested_on_its_page(kind: str) -> None:
    """A page of a rule shows how to test it."""
    assert "[[tests]]" in (DOCS / "rules" / f"{kind}.md").read_text()


def _whole_files(page: Path, named: Mapping[str, str]) -> Iterator[str]:
    """The blocks of a page as whole files: all in one if they fit together, otherwise each for itself."""
    parts = [block.code for block in blocks(page, "toml") if block.code not in named.values()]
    together = _completed("".join(parts))
    if _is_toml(together):
        yield together
    else:
        yield from map(_completed, parts)


def _completed(part: str) -> str:
    """A part with the tables that it lacks; `auth_tokens`, where its [plivo] lacks them."""
    if "[plivo]" in part and "auth_tokens" not in part:
        part = part.replace("[plivo]\n", f"{COMPLETE['plivo']}")
    missing = [text for table, text in COMPLETE.items() if not re.search(rf"^\[+{table}\]", part, re.MULTILINE)]
    return part + "\n" + "".join(missing)


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
