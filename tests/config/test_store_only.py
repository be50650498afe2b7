"""Commands on the store read `[store]`, whatever else is wrong with the file."""

from pathlib import Path

import pytest

from app.config import BadConfig, load_store

BROKEN = """
[server]
public_url = "nonsense"
[plivo]
auth_tokens = { env = "NOT_SET" }
country = "FR"
[[routes]]
to = ["06 44 60 00 00", "nonsense"]
rules = ["menue"]
[targets.crm]
url = 5
[store]
url = "sqlite:///own.db"
keep = "2d"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and nothing of NOT_SET."""
    monkeypatch.chdir(tmp_path)
    for name in ("NOT_SET", "AUTOREPLY_DATA"):
        monkeypatch.delenv(name, raising=False)


def test_other_errors_and_missing_secrets_do_not_matter() -> None:
    """What can be read of numbers is."""
    Path("config.toml").write_text(BROKEN)
    found = load_store(Path("config.toml"))
    assert found.store.file == Path("own.db").resolve()
    assert found.store.keep == 2 * 86400
    assert found.numbers == {"33644600000"}
    assert found.read_address("06 44 60 00 01").address == "33644600001"
    assert found.read_address("+33 6 44 60 00 01").address == "33644600001"


@pytest.mark.parametrize("content", ["", "store = {}", "routes = 5\ntargets = 5\nplivo = 5", "[plivo]\ncountry = 'XX'"])
def test_every_other_table_may_be_missing_or_nonsense(content: str) -> None:
    """The default store is found."""
    Path("config.toml").write_text(content)
    found = load_store(Path("config.toml"))
    assert (found.store.file, found.country) == (Path("autoreply.db").resolve(), None)


def test_what_is_wrong_with_the_store_is_told() -> None:
    """That alone, at its place; and a file that is not TOML."""
    Path("config.toml").write_text(BROKEN.replace('"2d"', '"2 days"'))
    with pytest.raises(BadConfig) as refusal:
        load_store(Path("config.toml"))
    assert [(one.key, one.line) for one in refusal.value.errors] == [("store.keep", 14)]
    Path("config.toml").write_text("[store\n")
    with pytest.raises(BadConfig):
        load_store(Path("config.toml"))
