"""Several files as one: `include`, `.env`, and the version of everything that was read."""

from pathlib import Path

import pytest
from support.process import MINIMAL

from app.config import BadConfig, Loaded, load

TEAM = """[[routes]]
name = "{name}"
to = "{number}"
rules = ["{name}"]
[rules.{name}]
text = "Hello from {name}."
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two teams."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "test-auth-token")
    monkeypatch.delenv("AUTOREPLY_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teams").mkdir()
    _team(tmp_path, "b", "+33644600002")
    _team(tmp_path, "a", "+33644600001")
    return tmp_path


def _team(folder: Path, name: str, number: str) -> None:
    (folder / "teams" / f"{name}.toml").write_text(TEAM.format(name=name, number=number))


def _load(content: str) -> Loaded:
    Path("config.toml").write_text(content)
    return load(Path("config.toml"))


def _told(content: str) -> list[str]:
    Path("config.toml").write_text(content)
    with pytest.raises(BadConfig) as refusal:
        load(Path("config.toml"))
    return [str(one) for one in refusal.value.diagnostics]


def _include(*patterns: str) -> str:
    return f"include = {list(patterns)}\n{MINIMAL}"


def test_included_files_add_routes_and_rules() -> None:
    """In the order of their names, behind those of the file itself."""
    loaded = _load(_include("teams/*.toml"))
    assert list(loaded.runtime.table.by_number) == ["33644600001", "33644600002"]
    assert [route.name for route in loaded.runtime.table.by_number.values()] == ["a", "b"]
    assert loaded.runtime.table.default
    assert loaded.warnings == ()


def test_a_single_route_may_stand_alone_in_each_file() -> None:
    """[routes] in one file and [[routes]] in another are three routes together."""
    content = _include("teams/*.toml").replace("[[routes]]", "[routes]")
    assert len(_load(content).runtime.table.by_name) == 3


def test_a_file_is_included_once() -> None:
    """By whichever pattern; the file itself is never included."""
    assert len(_load(_include("teams/a.toml", "teams/*.toml", "*.toml", "**/*.toml")).runtime.table.by_name) == 3


def test_a_pattern_without_a_file_is_warned_of() -> None:
    """A folder may be empty; a name without wildcards may not be missing."""
    (warning,) = _load(_include("shops/*.toml")).warnings
    assert str(warning).startswith('config.toml:1:12: warning: include[1]: no file is called like that: "shops/*.toml"')
    assert 'there is no file "teams/c.toml"' in _told(_include("teams/c.toml"))[0]


def test_a_bad_included_file_is_named(folder: Path) -> None:
    """With its own lines; the same names in two files are one error."""
    _team(folder, "c", "+33644600001")
    (told,) = _told(_include("teams/*.toml"))
    assert told.startswith('teams/c.toml:3:6: error: routes.c.to: "+33644600001" is a number of route "a" already')
    (folder / "teams" / "c.toml").write_text("[rules.a]\ntext = 'x'\n")
    (told,) = _told(_include("teams/*.toml"))
    assert told.startswith("teams/c.toml:1:8: error: rules.a: [rules.a] stands in teams/a.toml already")


def test_every_file_that_is_not_toml_is_told(folder: Path) -> None:
    """All of them in one go, and nothing that follows from them."""
    for name in "ab":
        (folder / "teams" / f"{name}.toml").write_text("to = +33 6\n")
    assert [one.partition(": ")[0] for one in _told(_include("teams/*.toml"))] == [
        "teams/a.toml:1:6",
        "teams/b.toml:1:6",
    ]


def test_an_included_file_cannot_change_the_service(folder: Path) -> None:
    """Tokens, store and targets are the main file's."""
    (folder / "teams" / "a.toml").write_text("[plivo]\nauth_tokens = 'x'\ninclude = 'y'\n")
    (told,) = _told(_include("teams/a.toml"))
    assert told.startswith("teams/a.toml:1:2: error: plivo: an included file holds only routes, rules, schedules")


def test_paths_start_from_the_main_file(folder: Path) -> None:
    """Number files of an included file too."""
    (folder / "numbers.txt").write_text("+33644600009\n")
    team = TEAM.format(name="a", number="x").replace('"x"', '{ file = "numbers.txt" }')
    (folder / "teams" / "a.toml").write_text(team)
    assert "33644600009" in _load(_include("teams/a.toml")).runtime.table.by_number


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("teams/a.toml", "Hello", "Hallo"),
        ("numbers.txt", "+33644600009", "+33644600007"),
        ("text.txt", "Hi.", "Ho."),
        ("{module}.py", "...", "return None"),
    ],
)
def test_the_version_is_of_everything_that_was_read(folder: Path, name: str, old: str, new: str) -> None:
    """A change of an included file, a number file, a text file or a rule in Python is another version."""
    (folder / "numbers.txt").write_text("+33644600009\n")
    (folder / "text.txt").write_text("Hi.")
    module = f"rules_{abs(hash(folder))}"  # a process imports a name once
    (folder / f"{module}.py").write_text("async def reply(message, context): ...\n")
    more = (
        '[[routes]]\nname = "more"\nto = { file = "numbers.txt" }\nrules = ["py"]\n'
        f'[rules.py]\npython = "{module}:reply"\n'
        '[[routes]]\nname = "text"\nto = "+33644600008"\ntext = { file = "text.txt" }\n'
    )
    content = _include("teams/a.toml") + more
    before = _load(content).runtime.version
    assert _load(content).runtime.version == before
    file = folder / name.format(module=module)
    file.write_text(file.read_text().replace(old, new))
    after = _load(content).runtime.version
    assert after != before
    assert len(after) == 12
    assert int(after, 16) >= 0


def test_the_version_says_nothing_of_secrets(folder: Path) -> None:
    """G10, G12: another token is the same version, so that no version can be used to guess one."""
    (folder / "token").write_text("first-token")
    for token in ('"{0}"', '{{ file = "token" }}', '{{ env = "PLIVO_AUTH_TOKEN" }}'):
        written = MINIMAL.replace('{ env = "PLIVO_AUTH_TOKEN" }', token.format("first-token"))
        version = _load(written).runtime.version
        (folder / "token").write_text("second-token")
        assert _load(written.replace("first-token", "second-token")).runtime.version == version


def test_what_was_read_is_known(folder: Path) -> None:
    """All files whose change may change the configuration."""
    (folder / "text.txt").write_text("Hi.")
    loaded = _load(_include("teams/*.toml").replace('"Thanks, we got your message."', '{ file = "text.txt" }'))
    assert [file.relative_to(folder.resolve()).as_posix() for file in loaded.files] == [
        "config.toml",
        "teams/a.toml",
        "teams/b.toml",
        "text.txt",
    ]


def test_env_beside_the_file_is_below_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is read afresh at every load; a variable of the process wins."""
    content = MINIMAL.replace('"Thanks, we got your message."', '{ env = "GREETING" }')
    (folder / ".env").write_text("GREETING='Hello {shpo}'\n")
    assert 'routes[1].text: {shpo} is not known ("Hello {shpo}" in $GREETING)' in _told(content)[0]
    (folder / ".env").write_text('# ours\nexport GREETING="Hello."\nAUTOREPLY_DATA=teams\n')
    loaded = _load(content)
    assert loaded.settings.store.file == (folder / "teams" / "autoreply.db").resolve()
    monkeypatch.setenv("GREETING", "Hello {form}")
    assert "{form} is not known" in _told(content)[0]
    monkeypatch.delenv("GREETING")
    (folder / ".env").unlink()
    assert "environment variable GREETING is not set" in _told(content)[0]
