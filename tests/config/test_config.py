"""A file as a whole: flags, versions, what cannot be read, and what is never shown."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from support.process import MINIMAL

from app.config import BadConfig, Loaded, load
from app.config.locating import path_of

SERVER = '[server]\npublic_url = "https://sms.example.com"\n'
ROUTE = '[[routes]]\nto = "*"\ntext = "Got it."\n'


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the files name."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "test-auth-token")
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path / "data"))


def _write(folder: Path, content: str | bytes) -> Path:
    file = folder / "config.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def _loaded(folder: Path, content: str) -> Loaded:
    return load(_write(folder, content))


def _refused(file: Path, **flags: object) -> BadConfig:
    with pytest.raises(BadConfig) as refusal:
        load(file, **flags)
    return refusal.value


def _calls(work: Callable[[], object]) -> int:
    """How many functions of Python a piece of work calls."""
    count = 0

    def profile(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def _many(routes: int, text: str) -> str:
    each = (
        f'[[routes]]\nname = "r{index}"\nto = "+3364{index:07}"\nrules = ["a{index}", "ack"]\n'
        f'[rules.a{index}]\nmatch = "x{index}"\ntext = "{text}"\n'
        f'[[tests]]\nname = "t{index}"\nto = "+3364{index:07}"\nfrom = "+33700000001"\nexpect = {{ rule = "ack" }}\n'
        for index in range(4_600_000, 4_600_000 + routes)
    )
    return f"""{SERVER}[plivo]
auth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}
[rules.ack]
text = "Got it."
{"".join(each)}"""


@pytest.mark.parametrize("text", ["Hi.", "Hi {nobody}."])
def test_cost_of_loading_grows_with_the_file_and_no_faster(tmp_path: Path, text: str) -> None:
    """Thousands of routes, rules and tests, and as many errors, take seconds, not hours."""

    def loading(routes: int) -> Callable[[], object]:
        file = _write(tmp_path, _many(routes, text))
        return lambda: load(file) if text == "Hi." else _refused(file)

    _calls(loading(50))  # imports, and what is computed once
    small, large = _calls(loading(50)), _calls(loading(400))
    assert large < 10 * small


def test_flags_beat_the_file(tmp_path: Path) -> None:
    """A flag of the command line wins over `[server]`; one that was not given (None) changes nothing."""
    file = _write(tmp_path, MINIMAL.replace("[plivo]", "port = 1\n[plivo]"))
    config = load(file, public_url="https://other.example.com/", port=9999, host=None)
    assert (config.settings.server.public_url, config.settings.server.port) == ("https://other.example.com", 9999)
    assert config.settings.server.host == "127.0.0.1"


def test_flags_may_replace_the_whole_table(tmp_path: Path) -> None:
    """Without `[server]` a flag is enough: a file may leave the address to the command."""
    file = _write(tmp_path, MINIMAL.replace(SERVER, ""))
    assert load(file, public_url="https://sms.example.com").settings.server.public_url == "https://sms.example.com"


def test_bad_flag_is_a_fault_like_any_other(tmp_path: Path) -> None:
    """A flag is checked as the file is."""
    file = _write(tmp_path, MINIMAL)
    assert [error.key for error in _refused(file, public_url="sms.example.com").errors] == ["server.public_url"]
    file = _write(tmp_path, "server = 5\n" + MINIMAL.replace(SERVER, ""))
    assert [error.key for error in _refused(file, port=1).errors] == ["server"]


def test_version_changes_with_the_content(tmp_path: Path) -> None:
    """The version names what the file says: the same bytes, the same version; one letter more, another."""
    first, again = _loaded(tmp_path, MINIMAL), _loaded(tmp_path, MINIMAL)
    other = _loaded(tmp_path, MINIMAL.replace("Thanks,", "Thanks!"))
    assert first.runtime.version == again.runtime.version
    assert first.runtime.version != other.runtime.version
    assert len(first.runtime.version) == len(other.runtime.version) == 12


def test_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    """Whoever starts without a file is told where to get one."""
    refusal = _refused(tmp_path / "config.toml")
    assert "plivo-autoreply init" in str(refusal.diagnostics[0])
    assert "AUTOREPLY_CONFIG" in str(refusal.diagnostics[0])


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00s\x00", b'text = "\xe9"'])
def test_file_that_is_not_utf8_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file in another encoding is a fault, not a traceback."""
    (fault,) = _refused(_write(tmp_path, content)).diagnostics
    assert "save it as UTF-8" in fault.message or "save the file as UTF-8" in fault.message
    assert fault.line == 1


def test_folder_is_refused(tmp_path: Path) -> None:
    """A path to a folder is a fault, not a traceback."""
    assert "cannot be read" in str(_refused(tmp_path).diagnostics[0])


def test_syntax_error_has_line_and_column(tmp_path: Path) -> None:
    """G11: refused with file, line and column."""
    refusal = _refused(_write(tmp_path, f'{MINIMAL}name = "open\n'))
    (fault,) = refusal.diagnostics
    assert (fault.line, fault.column) == (9, 8)
    assert str(fault) == f'{refusal.file}:9:8: error: a text that begins with " and has no " at its end; write it there'
    assert refusal.file == str(tmp_path / "config.toml")


def test_a_refusal_tells_warnings_too(tmp_path: Path) -> None:
    """One run tells everything that is to mend, warnings beside errors."""
    refusal = _refused(
        _write(tmp_path, f'{MINIMAL}targets = ["nobody"]\n[targets.crm]\nurl = "http://crm.example.com"\n')
    )
    assert [fault.severity for fault in refusal.diagnostics] == ["error", "warning"]
    assert len(refusal.errors) == 1


def test_files_are_found_beside_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`{ file = ".." }` is relative to the config file, wherever the command was started."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "token").write_text("test-auth-token\n")
    monkeypatch.chdir(tmp_path)
    content = f'{SERVER}[plivo]\nauth_tokens = {{ file = "token" }}\n{ROUTE}'
    assert len(_loaded(tmp_path / "etc", content).runtime.tokens) == 1


def test_token_from_a_file_signs_as_the_token_itself(tmp_path: Path) -> None:
    """The line end and blanks around a token are no part of it."""
    (tmp_path / "token").write_text("  test-auth-token \r\n")
    both = f'{SERVER}[plivo]\nauth_tokens = [{{ file = "token" }}, {{ env = "PLIVO_AUTH_TOKEN" }}]\n{ROUTE}'
    from_file, from_environment = _loaded(tmp_path, both).runtime.tokens
    assert from_file.sign(b"x") == from_environment.sign(b"x")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r\n\r\n"])
def test_files_are_read_as_windows_writes_them(tmp_path: Path, encoding: str, ending: str) -> None:
    """A byte order mark and the line ends at the end are no part of a token, a text, a secret or a list of numbers."""
    secret = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg=="
    for name, content in {"token": "test-auth-token", "text": "Hé!", "secret": secret, "to": "+33644600000"}.items():
        mark = "\ufeff" if encoding == "utf-16-le" else ""  # the other two write it themselves
        (tmp_path / name).write_bytes(f"{mark}{content}{ending}".encode(encoding))
    config = _loaded(
        tmp_path,
        f"""{SERVER}[plivo]
auth_tokens = [{{ file = "token" }}, {{ env = "PLIVO_AUTH_TOKEN" }}]
[[routes]]
name = "shop"
to = {{ file = "to" }}
text = {{ file = "text" }}
[targets.crm]
url = "https://crm.example.com"
secrets = [{{ file = "secret" }}, "{secret}"]
""",
    )
    from_file, from_environment = config.runtime.tokens
    assert from_file.sign(b"x") == from_environment.sign(b"x")
    assert list(config.runtime.table.by_number) == ["33644600000"]
    from_file_too, literal = config.runtime.subscriptions.targets["crm"].secrets
    assert from_file_too.sign(b"x") == literal.sign(b"x")
    (rule,) = config.runtime.table.by_number["33644600000"].rules
    assert rule.action.template.fixed == "Hé!"  # type: ignore[attr-defined] # a text


def test_lines_inside_a_text_stay(tmp_path: Path) -> None:
    """Only the line ends at the end of a file are dropped; those inside are one character."""
    (tmp_path / "text").write_bytes(b"One\r\nTwo\nThree\r\n")
    config = _loaded(tmp_path, MINIMAL.replace('"Thanks, we got your message."', '{ file = "text" }'))
    assert config.runtime.table.default is not None
    (rule,) = config.runtime.table.default.rules
    assert rule.action.template.fixed == "One\nTwo\nThree"  # type: ignore[attr-defined] # a text


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + MINIMAL.encode(), MINIMAL.replace("\n", "\r\n").encode()])
def test_config_is_read_as_windows_writes_it(tmp_path: Path, content: bytes) -> None:
    """TOML with a byte order mark, and with CRLF."""
    assert load(_write(tmp_path, content)).runtime.table.default


def test_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    """A text in Latin-1 is a fault, which names the file."""
    (tmp_path / "text").write_bytes(b"H\xe9!")
    file = _write(tmp_path, MINIMAL.replace('"Thanks, we got your message."', '{ file = "text" }'))
    (fault,) = _refused(file).errors
    assert (fault.key, fault.message) == ("routes[1].text", "file text is not UTF-8; save it as UTF-8")


def test_store_is_below_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative store is below $AUTOREPLY_DATA, else beside the config file, wherever the command was started; an
    absolute one is where it says.
    """
    absolute = f'{MINIMAL}[store]\nurl = "sqlite:////srv/own.db"\n'
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert _loaded(tmp_path, MINIMAL).settings.store.file == tmp_path / "data" / "autoreply.db"
    assert _loaded(tmp_path, absolute).settings.store.file == Path("/srv/own.db")
    monkeypatch.setenv("AUTOREPLY_DATA", "")  # as `docker run -e AUTOREPLY_DATA=` sets it: not given
    assert _loaded(tmp_path, MINIMAL).settings.store.file == tmp_path / "autoreply.db"
    monkeypatch.delenv("AUTOREPLY_DATA")
    assert _loaded(tmp_path, MINIMAL).settings.store.file == tmp_path / "autoreply.db"
    _write(tmp_path, MINIMAL)
    assert load(Path("../config.toml")).settings.store.file == tmp_path / "autoreply.db"


def test_data_folder_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume that is not mounted must not become a new, empty store; where it is not asked for, it may be missing."""
    monkeypatch.setenv("AUTOREPLY_DATA", str(tmp_path / "volume"))
    (fault,) = _refused(_write(tmp_path, MINIMAL)).diagnostics
    assert (fault.key, str(tmp_path / "volume") in fault.message) == ("store.url", True)
    assert "$AUTOREPLY_DATA" in fault.message
    for url in ("sqlite:////srv/own.db", "postgresql://autoreply@db/autoreply"):
        assert _loaded(tmp_path, f'{MINIMAL}[store]\nurl = "{url}"\n').warnings == ()


@pytest.mark.parametrize(
    ("count", "caps", "told"), [(1_000, '"5000/1d"', 0), (1_001, '"5000/1d"', 1), (1_001, "[]", 0)]
)
def test_spending_cap_that_very_many_numbers_share_is_warned_of(
    tmp_path: Path, count: int, caps: str, told: int
) -> None:
    """The default was meant for a few numbers: whoever has many is told how many share it."""
    numbers = [f"+336446{index:05}" for index in range(count)]
    (tmp_path / "numbers.txt").write_text("\n".join(numbers))
    route = 'to = { file = "numbers.txt" }\nname = "shops"\ntext = "Thanks."\n'
    config = _loaded(tmp_path, f"{MINIMAL}[[routes]]\n{route}[limits]\ntotal = {caps}\n")
    warnings = [str(warning) for warning in config.warnings if "share" in warning.message]
    assert len(warnings) == told
    assert all("limits.total" in one and "1001 numbers share 5000/1d" in one for one in warnings)


HIDDEN = "hunter2"  # stands in every value that must not be shown
PLACES = {
    "token": f'[plivo]\nauth_tokens = "{HIDDEN}"\n%s',
    "token in env": '[plivo]\nauth_tokens = { env = "HIDDEN" }\n%s',
    "token in a file": '[plivo]\nauth_tokens = { file = "hidden" }\n%s',
    "token twice": f'[plivo]\nauth_tokens = ["{HIDDEN}", {{ env = "HIDDEN" }}]\n%s',
    "auth_id": f'[plivo]\nauth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}\nauth_id = "{HIDDEN}"\n%s',
    "header": f'[plivo]\nauth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}\n%s[targets.crm]\nurl = "https://crm.example.com"\n'
    f'headers = {{ Authorization = "Bearer {HIDDEN}" }}\n',
    "header in env": '[plivo]\nauth_tokens = { env = "PLIVO_AUTH_TOKEN" }\n%s[targets.crm]\n'
    'url = "https://crm.example.com"\nheaders = { Authorization = { env = "HIDDEN" } }\n',
    "url": f'[plivo]\nauth_tokens = {{ env = "PLIVO_AUTH_TOKEN" }}\n%s[targets.crm]\n'
    f'url = "https://crm.example.com/?key={HIDDEN}"\n',
    "secret": '[plivo]\nauth_tokens = { env = "PLIVO_AUTH_TOKEN" }\n%s[targets.crm]\n'
    'url = "https://crm.example.com"\nsecrets = { env = "SECRET" }\n',
}
FAULTS = {
    "nothing wrong": "",
    "unknown key in plivo": f'hunter = "{HIDDEN}"\n',
    "unknown mode": 'signature = "v4"\n',
    "unknown country": 'country = "France"\n',
}
AFTER = {"nothing wrong": "", "bad text": 'targets = ["nobody"]\n', "bad target": "[targets.web]\nurl = 5\n"}


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES)
def test_hidden_values_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, fault: str, after: str
) -> None:
    """G12: wherever a secret stands, and whatever else is wrong, neither faults nor repr(config) hold it."""
    secret = "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg=="
    monkeypatch.setenv("HIDDEN", HIDDEN)
    monkeypatch.setenv("SECRET", secret)
    (tmp_path / "hidden").write_text(HIDDEN)
    plivo, _, targets = PLACES[place].partition("%s")
    file = _write(tmp_path, SERVER + plivo + FAULTS[fault] + ROUTE + AFTER[after] + targets)
    try:
        config = load(file)
        told = repr(config) + str(config) + repr(config.warnings) + "".join(map(str, config.warnings))
    except BadConfig as refusal:
        told = repr(refusal) + str(refusal) + repr(refusal.diagnostics) + "".join(map(str, refusal.diagnostics))
    assert HIDDEN not in told
    assert secret.removeprefix("whsec_")[:8] not in told


def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that was pasted, or named, where it does not belong is hidden there too."""
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", HIDDEN)
    token = '[plivo]\nauth_tokens = { env = "PLIVO_AUTH_TOKEN" }\n'
    named = 'country = { env = "PLIVO_AUTH_TOKEN" }\n'
    for wrong in (named, f'country = "{HIDDEN}"\n'):
        refusal = _refused(_write(tmp_path, SERVER + token + wrong + ROUTE))
        assert [one.key for one in refusal.errors] == ["plivo.country"]
        assert HIDDEN not in repr(refusal.diagnostics) + "".join(map(str, refusal.diagnostics))
    (tmp_path / "token").write_text(HIDDEN)
    token = '[plivo]\nauth_tokens = { file = "token" }\n'
    route = ROUTE.replace('"*"', '{ file = "token" }\nname = "a"')
    refusal = _refused(_write(tmp_path, SERVER + token + route))
    assert [one.key for one in refusal.errors] == ["routes.a.to"]
    assert HIDDEN not in repr(refusal.diagnostics) + "".join(map(str, refusal.diagnostics))


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (("routes", 0, "to"), "routes.shop.to"),
        (("routes", 0, "to", 2), "routes.shop.to[3]"),
        (("routes", 1, "to"), "routes[2].to"),
        (("rules", "menu", "keywords", "HOURS | OPEN"), 'rules.menu.keywords."HOURS | OPEN"'),
        (("rules", "on-duty", "text"), "rules.on-duty.text"),
        (("rules", "café"), 'rules."café"'),
        ((), ""),
    ],
)
def test_path_is_written_as_people_read_it(place: tuple[str | int, ...], path: str) -> None:
    """Routes by their names, elements of lists counted from one."""
    assert path_of(place, {0: "shop"}) == path
