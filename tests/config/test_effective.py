"""The values in force, as the file would write them; and TOML that is written."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.process import MINIMAL

from app.config import load_effective
from app.config.toml_writer import dump

GOOD = sorted((Path(__file__).parent / "good").glob("*.toml"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the good files name."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "hunter2-of-the-environment")
    monkeypatch.setenv("OLD_TOKEN", "hunter2-old")
    monkeypatch.setenv("HOLIDAY", "2026-03-04")
    monkeypatch.setenv("OUR_NUMBER", "+33 6 44 60 00 00")
    monkeypatch.setenv("CRM_SECRET", "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==")
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path))
    monkeypatch.delenv("NOT_SET", raising=False)


def _effective(folder: Path, content: str) -> dict[str, Any]:
    (folder / "config.toml").write_text(content)
    return dict(load_effective(folder / "config.toml"))


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """In the notation of the file; what has no value is left out, as [admin]."""
    values = _effective(tmp_path, MINIMAL)
    assert values["server"]["deadline"] == "6s"
    assert values["server"]["body_limit"] == "64KiB"
    assert values["limits"]["per_sender"] == ["30/1h", "100/1d"]
    assert values["opt_out"]["reply"]["start"] == "Welcome back."
    assert values["store"] == {"url": "sqlite:///autoreply.db", "keep": "30d", "keep_text": "14d"}
    assert "admin" not in values


def test_what_is_said_wins(tmp_path: Path) -> None:
    """Also if it is nothing: an empty list is not the default."""
    more = '[limits]\ntotal = []\nmax_units = 5\n[admin]\nlisten = "127.0.0.1:9090"\n'
    values = _effective(tmp_path, MINIMAL + more)
    assert (values["limits"]["total"], values["limits"]["max_units"]) == ([], 5)
    assert values["admin"] == {"listen": "127.0.0.1:9090"}


def test_what_stands_elsewhere_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts and lists of numbers. Secrets are masked; optional ones that are missing are left out."""
    monkeypatch.setenv("TEXT", "Hi.")
    (tmp_path / "numbers.txt").write_text("+33644600001 # one\n\n+33644600002\n")
    content = MINIMAL.replace("{ env", '["hunter2", { env = "NOT_SET", optional = true }, { env').replace(
        'N" }', 'N" }]'
    )
    more = (
        '[[routes]]\nname = "a"\nto = { file = "numbers.txt" }\ntext = { env = "TEXT" }\n'
        '[targets.crm]\nurl = "https://crm.example.com/?key=hunter2"\nheaders = { Authorization = "hunter2" }\n'
    )
    values = _effective(tmp_path, content + more)
    assert values["plivo"]["auth_tokens"] == ["***", "***"]
    assert values["routes"][1]["to"] == ["+33644600001", "+33644600002"]
    assert values["routes"][1]["text"] == "Hi."
    assert values["targets"]["crm"]["url"] == "https://crm.example.com/?***"
    assert values["targets"]["crm"]["headers"] == {"Authorization": "***"}


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_it_is_toml_without_secrets(file: Path) -> None:
    """What is printed can be read again, and holds no secret."""
    values = load_effective(file)
    written = dump(values)
    assert tomllib.loads(written) == values
    assert "hunter2" not in written
    assert "aHVudGVyMi1odW50" not in written


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
SINGLE = st.one_of(TEXTS, st.integers(-(10**6), 10**6), st.booleans(), st.dates(), st.floats(-1e6, 1e6))
VALUES = st.recursive(
    SINGLE,
    lambda inner: st.one_of(st.lists(SINGLE, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@given(
    st.dictionaries(
        TEXTS, st.one_of(VALUES, st.lists(st.dictionaries(TEXTS, VALUES, max_size=2), max_size=3)), max_size=4
    )
)
def test_toml_is_read_as_it_was_written(data: dict[str, Any]) -> None:
    """Whatever texts and keys hold."""
    assert tomllib.loads(dump(data)) == data
