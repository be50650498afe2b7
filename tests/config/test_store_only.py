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
    """That alone, at its place."""
    Path("config.toml").write_text(BROKEN.replace('"2d"', '"2 days"'))
    with pytest.raises(BadConfig) as refusal:
        load_store(Path("config.toml"))
    assert [(one.key, one.line) for one in refusal.value.errors] == [("store.keep", 14)]


@pytest.mark.parametrize(
    "half_edited", ["[[routes\n", 'url = "https:\n', "[routes]\nto = [\n", '[rules.x]\ntext = """\n[x]\n']
)
def test_a_file_that_is_half_edited(half_edited: str) -> None:
    """What is wrong elsewhere is told and stops nothing, also where it is not TOML; other tables are read."""
    start, _, store = BROKEN.partition("[store]")
    Path("config.toml").write_text(f"{start}[rules.order]\n{half_edited}[store]{store}")
    found = load_store(Path("config.toml"))
    assert (found.store.file, found.store.keep) == (Path("own.db").resolve(), 2 * 86400)
    assert (found.country, found.numbers) == ("FR", frozenset({"33644600000"}))
    assert [one.line for one in found.broken]


@pytest.mark.parametrize("content", ["x =\n", "[server\nport = 1\n", "[rules.x]\ntext = 'our store = .\n"])
def test_a_file_that_is_half_edited_without_a_store(content: str) -> None:
    """It has the default store."""
    Path("config.toml").write_text(content)
    assert load_store(Path("config.toml")).store.file == Path("autoreply.db").resolve()


@pytest.mark.parametrize(
    "content",
    [
        "[store\n",
        "[store]\nurl =\n",
        "x =\nstore.url = 'sqlite:///a.db'\n",
        "[[store]\n",
        "store\n",
        "[store]\nurl = 'sqlite:///a.db'\n[store]\nurl = 'sqlite:///b.db'\n",
        "[rules.x]\ntext = '''\n[store]\nurl = 'sqlite:///a.db'\n'''\nx\n",
    ],
)
def test_a_store_that_cannot_be_told_is_not_guessed(content: str) -> None:
    """Another store than the one that is meant would be read, or changed."""
    Path("config.toml").write_text(content)
    with pytest.raises(BadConfig):
        load_store(Path("config.toml"))


def test_a_file_that_cannot_be_read_is_told() -> None:
    """It is not there, or in another encoding."""
    with pytest.raises(BadConfig):
        load_store(Path("config.toml"))
    Path("config.toml").write_bytes("[store]\n".encode("utf-16"))
    with pytest.raises(BadConfig):
        load_store(Path("config.toml"))
