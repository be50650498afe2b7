"""G11: a bad file is refused, with the place of each error and what to do about it.

Each file of `bad/` tells in its first lines what must be said of it, and nothing else may be said:

    # expect: 8:6 routes.shop.to | not a phone number           line, column, key path, a part of the message
    # expect: numbers.txt:2:1 routes.shop.to | not a phone       in another file
    # expect: 6:9 - | a text without quotes                      the file is not TOML, so there is no key path
    # warning: 7:13 store.keep_text | texts are not kept

A file that cannot hold such lines has them beside it, in `.expect`.
"""

from functools import cache
from pathlib import Path

import pytest

from app.cli.diagnostics import render
from app.config import BadConfig, Diagnostic, load

BAD = Path("bad")
FILES = sorted((Path(__file__).parent / BAD).glob("*.toml"))
ENVIRONMENT = {"PLIVO_AUTH_TOKEN": "hunter2-of-the-token", "EMPTY": " ", "SHORT_SECRET": "whsec_aHVudGVyMg=="}
MARKS = {"# expect: ": "error", "# warning: ": "warning"}

Expected = tuple[str, str, str, str]  # severity, place, key path, a part of the message


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the files name, and nothing of NOT_SET."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.chdir(Path(__file__).parent)


def _expected(file: Path) -> list[Expected]:
    beside = file.with_suffix(".expect")
    text = (beside if beside.exists() else file).read_text()
    found = []
    for line in text.splitlines():
        for mark, severity in MARKS.items():
            if line.startswith(mark):
                place, _, rest = line.removeprefix(mark).partition(" ")
                key, _, part = rest.rpartition(" | ")
                found.append((severity, place, "" if key == "-" else key, part))
    return found


@cache  # three tests ask
def _refused(file: Path) -> BadConfig:
    with pytest.raises(BadConfig) as refusal:
        load(BAD / file.name)
    return refusal.value


def _place(one: Diagnostic, file: Path) -> str:
    """As it stands in the expectation: relative to the folder, and for the file itself without its name."""
    return one.where.removeprefix(f"{BAD}/").removeprefix(f"{file.name}:")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_error_is_told_with_its_place_and_advice(file: Path) -> None:
    """Every error of a file is told at once, at its line and column, with its key path, in words that help; a mistake
    causes one error, not two.
    """
    expected = _expected(file)
    assert expected, "the file does not say what is wrong with it"
    told = [(one.severity, _place(one, file), one.key, one.message) for one in _refused(file).diagnostics]
    assert [one[:3] for one in told] == [one[:3] for one in expected], told
    assert not [(one, said) for one, said in zip(expected, told, strict=True) if one[3] not in said[3]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_error_repeats_a_secret(file: Path) -> None:
    """Whatever is wrong, neither the errors nor the lines that are shown with them hold a token, a secret, a header's
    value or a URL's password.
    """
    refusal = _refused(file)
    shown = "".join(text for one in refusal.diagnostics for text, _ in render(one, 80))
    told = "\n".join(
        [shown, str(refusal), repr(refusal), *map(str, refusal.diagnostics), *map(repr, refusal.diagnostics)]
    )
    assert "hunter2" not in told
    assert "aHVudGVyMg" not in told


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_caret_stands_below_the_line(file: Path) -> None:
    """The part that is marked lies within the line that is shown."""
    for one in _refused(file).diagnostics:
        if one.excerpt:
            assert 1 <= one.excerpt.start < one.excerpt.end <= max(len(one.excerpt.text), one.excerpt.start) + 1


def test_many_mistakes_are_covered() -> None:
    """The folder holds what a person gets wrong, nearly always one mistake a file."""
    assert sum(len(_expected(file)) == 1 for file in FILES) >= 300
