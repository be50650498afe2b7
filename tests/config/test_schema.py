"""The JSON Schema and the loader agree, as far as a schema can tell."""

import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.config.models import declarations, model_of
from app.config.rule_options import COMMON
from app.config.schema import example_of, schema, type_in_words
from app.config.source import Source
from app.config.tables import TABLES
from app.config.validation import validated
from app.rules import KINDS
from app.rules.expectations import Expectation
from app.rules.kinds.keywords import Entry

HERE = Path(__file__).parent
VALIDATOR = jsonschema.Draft202012Validator(schema())
GOOD = [*sorted((HERE / "good").glob("*.toml")), *(HERE.parents[1] / name for name in ("config.example.toml",))]
OPTIONS = [*filter(None, TABLES.values()), *COMMON, *KINDS.values(), Entry, Expectation]

# How the loader begins what a schema can tell as well.
EXPRESSIBLE = (
    "unknown key",
    "unknown table",
    "expected",
    "not a possible value",
    "not a duration",
    "not a size",
    "not a limit",
    "not a day",
    "not a name for",
    "not a status",
    "not a country",
    "more than one action",
    "a rule without an action",
    "neither an env nor a file",
    "an option of rules",
    "not an option here",
)
BEYOND = {  # what JSON says otherwise than TOML, or what stands in another file
    "test-at-is-text",
    "include-of-a-rule-that-exists",
    "limit-without-unit",
}


def _plain(value: Any) -> Any:
    """As an editor hands TOML to a JSON Schema: dates are texts."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _data(file: Path) -> Any:
    return _plain(tomllib.loads(file.read_bytes().decode("utf-8-sig")))


def _told(file: Path) -> list[str]:
    marks = [line for line in file.read_text(errors="replace").splitlines() if line.startswith("# expect: ")]
    return [line.rpartition(" | ")[2] for line in marks]


BAD = [
    file
    for file in sorted((HERE / "bad").glob("*.toml"))
    if file.stem not in BEYOND and any(message.startswith(EXPRESSIBLE) for message in _told(file))
]


def test_it_is_a_schema() -> None:
    """By the dialect that it names, for a whole file and for an included one."""
    for document in (schema(), schema(included=True)):
        jsonschema.Draft202012Validator.check_schema(document)


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_what_loads_is_valid(file: Path) -> None:
    """An editor finds no fault with a file that the loader takes."""
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(_data(file))] == []


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_what_a_schema_can_tell_it_tells(file: Path) -> None:
    """Unknown keys, wrong types and wrong notations are told while the file is written."""
    assert list(VALIDATOR.iter_errors(_data(file)))


def test_bad_files_are_there() -> None:
    """A filter that lets nothing through would pass."""
    assert len(BAD) >= 80


def test_an_included_file_has_four_tables() -> None:
    """Routes, rules, schedules and tests, and none of them is required."""
    included = jsonschema.Draft202012Validator(schema(included=True))
    assert included.is_valid({"rules": {"a": {"text": "Hi."}}})
    assert not included.is_valid({"server": {}})


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options.__name__)
def test_every_example_can_be_written(options: type[Any]) -> None:
    """The example of each key is taken by the loader, and by the schema."""
    declared: Any = options
    model = model_of(declared)
    for key, field, hint in declarations(options):
        example = example_of(field, hint)
        source = Source(Path("config.toml"), {"PLIVO_AUTH_TOKEN": "x", "CRM_SECRET": f"whsec_{'A' * 32}"}, {})
        validated(model, source, ("x",), {key: example})
        told = [one for one in source.diagnostics() if one.key.startswith(f"x.{key}")]
        assert [one.message for one in told if "is not set" not in one.message] == [], key
        assert type_in_words(hint)
