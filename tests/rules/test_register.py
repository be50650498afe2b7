"""The register of kinds: a kind is one file and one line, and has a test file of its own."""

import dataclasses
from pathlib import Path

import pytest

from app.config.rule_options import option_names
from app.rules import KINDS, KindOptions

HERE = Path(__file__).parent


def _fields(kind: type[KindOptions]) -> list[str]:
    assert dataclasses.is_dataclass(kind)
    return [field.name for field in dataclasses.fields(kind)]


def test_kinds_of_this_version() -> None:
    """What a file may choose from; a kind that vanishes would break files."""
    assert {"text", "keywords", "forward", "silence"} <= set(KINDS)


@pytest.mark.parametrize("key", KINDS)
def test_kind_has_a_test_file(key: str) -> None:
    """tests/rules/kinds/test_<kind>.py, one a kind."""
    assert (HERE / "kinds" / f"test_{key}.py").is_file()


@pytest.mark.parametrize("key", KINDS)
def test_options_cover_the_key_that_chooses_the_kind(key: str) -> None:
    """The key is an option itself and required: without it the table is of another kind."""
    kind = KINDS[key]
    assert key == kind.KEY
    (chooser,) = [field for field in dataclasses.fields(kind) if field.name == key]  # type: ignore[arg-type]
    assert chooser.default is dataclasses.MISSING
    assert chooser.default_factory is dataclasses.MISSING


@pytest.mark.parametrize("key", KINDS)
def test_config_knows_every_option(key: str) -> None:
    """Options reach the file by themselves: nothing has to be told twice."""
    assert set(_fields(KINDS[key])) <= option_names()


@pytest.mark.parametrize("key", KINDS)
def test_kind_lives_in_a_file_of_its_name_and_explains_itself(key: str) -> None:
    """The file of a kind is found by its key, and its options have a docstring."""
    assert KINDS[key].__module__ == f"app.rules.kinds.{key}"
    assert KINDS[key].__doc__
