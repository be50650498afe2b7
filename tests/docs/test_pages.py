"""Every page of docs/ that shows a file shows one that works: it loads, and its own [[tests]] pass."""

import re
from pathlib import Path

import pytest

from app.config import load
from app.operations.test import run_tests
from app.rules import KINDS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```toml" in page.read_text())
HEAD = '[server]\npublic_url = "https://sms.example.com"\n[plivo]\nauth_tokens = { env = "PLIVO_AUTH_TOKEN" }\n'
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`(\S+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_rule_has_a_page(kind: str) -> None:
    """What can be written in a file can be read about, with an example."""
    assert DOCS / "rules" / f"{kind}.md" in PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
async def test_example_of_a_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who copies an example gets what the page promises."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "token")
    text = page.read_text()
    for name, code in FILE.findall(text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    file = tmp_path / "config.toml"
    file.write_text(HEAD + "".join(code for language, code in BLOCK.findall(text) if language == "toml"))
    config = load(file)
    assert config.warnings == ()
    assert config.tests, "a page's example has tests"
    assert {result.faults for result in await run_tests(config.runtime, config.tests, config.read_address)} == {()}
