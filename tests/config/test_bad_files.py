"""G11: a bad file is refused, with the place of each fault and what to do about it.

Each file of `bad/` tells in its first lines what must be said of it, and nothing else may be said:

    # expect: routes[0].to | already          the key path, and a part of the message
    # expect: @6:9 | not TOML                 line and column instead
"""

from pathlib import Path

import pytest

from app.config import BadConfig, load

BAD = Path(__file__).parent / "bad"
ENVIRONMENT = {"PLIVO_AUTH_TOKEN": "hunter2-of-the-token", "EMPTY": " ", "SHORT_SECRET": "whsec_aHVudGVyMg=="}
EXPECT = "# expect: "


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the files name, and nothing of NOT_SET."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NOT_SET", raising=False)


def _expected(file: Path) -> list[tuple[str, str]]:
    lines = [line.removeprefix(EXPECT) for line in file.read_text().splitlines() if line.startswith(EXPECT)]
    pairs = [line.rpartition(" | ") for line in lines]
    return [(place, part) for place, _, part in pairs]


def _refused(file: Path) -> BadConfig:
    with pytest.raises(BadConfig) as refusal:
        load(file)
    return refusal.value


@pytest.mark.parametrize("file", sorted(BAD.glob("*.toml")), ids=lambda file: file.stem)
def test_each_fault_is_told_with_its_place_and_advice(file: Path) -> None:
    """All faults of a file are told at once, each once, at its key path and in words that help."""
    expected = _expected(file)
    assert expected, "the file does not say what is wrong with it"
    told = [
        (error.path if error.place else f"@{error.line}:{error.column}", error.message)
        for error in _refused(file).errors
    ]
    lacking = [one for one in expected if not any(one[0] == place and one[1] in message for place, message in told)]
    assert not lacking, told
    assert len(told) == len(expected), told


@pytest.mark.parametrize("file", sorted(BAD.glob("*.toml")), ids=lambda file: file.stem)
def test_no_fault_repeats_a_secret(file: Path) -> None:
    """Whatever is wrong, no fault holds a token, a secret, a header's value or a URL's password."""
    refusal = _refused(file)
    told = "\n".join([str(refusal), repr(refusal), *map(str, refusal.faults), *map(repr, refusal.faults)])
    assert "hunter2" not in told
    assert "aHVudGVyMg" not in told


def test_many_faults_are_covered() -> None:
    """The folder holds what a person gets wrong, one fault a file; a glob that finds nothing would pass."""
    assert len(list(BAD.glob("*.toml"))) >= 45
