"""Models of tables, made from the dataclasses that declare their keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from app.config.models import build, declarations, model_of
from app.config.source import Source
from app.config.validation import check
from app.notation import Doc, Interval, Key, Len, Seconds


@dataclass(frozen=True, slots=True)
class Inner:
    """A table in a table."""

    one: Annotated[str, Doc("One.")] = "1"
    other: Annotated[str, Doc("Another.")] = "2"


@dataclass(frozen=True, slots=True)
class Options:
    """A table."""

    name: Annotated[str, Doc("Its name.")]
    sender: Annotated[tuple[str, ...], Key("from"), Len(1), Doc("Who.")] = ("anybody",)
    wait: Annotated[Seconds | None, Interval(gt=0, le=60), Doc("How long.")] = None
    mode: Annotated[Literal["a", "b"] | None, Doc("Which.")] = None
    inner: Annotated[Inner, Doc("More.")] = field(default_factory=Inner)
    each: Annotated[Mapping[str, str | Inner], Doc("By name.")] = field(default_factory=dict)
    lists: Annotated[tuple[str, ...] | None, Doc("None is not the same as none at all.")] = None
    made: int = 0  # no key of the file


def _read(table: Mapping[str, Any], base: Options | None = None, **others: Any) -> Options | list[str]:
    source = Source(Path("config.toml"), {}, {"x": dict(table)})
    options = check(Options, source, ("x",), table, base, **others)
    told = [f"{one.key}: {one.message}" for one in source.diagnostics()]
    return told or options or []


def test_a_field_with_a_description_is_a_key() -> None:
    """Its key is its name, or what stands beside it; a field without a description is none."""
    assert [key for key, _, _ in declarations(Options)] == ["name", "from", "wait", "mode", "inner", "each", "lists"]
    assert _read({"name": "n", "made": 1}) == ['x.made: unknown key; did you mean "mode"?']


def test_a_table_becomes_its_dataclass() -> None:
    """Values in the notation of the file, tables in tables, one value for a list, defaults; fields that are no keys."""
    table = {
        "name": "n",
        "from": "me",
        "wait": "1m",
        "mode": "b",
        "inner": {"one": "x"},
        "each": {"text": "t", "table": {"other": "y"}},
    }
    each: Mapping[str, str | Inner] = {"text": "t", "table": Inner(other="y")}
    assert _read(table, made=5) == Options("n", ("me",), 60.0, "b", Inner("x"), each, made=5)
    assert _read({"name": "n"}) == Options("n")


def test_what_is_not_said_comes_from_the_base() -> None:
    """Key by key, in inner tables too; what the file sets wins although it is the default."""
    base = Options("base", ("us",), 9.0, "a", Inner("x", "y"), lists=("z",))
    assert _read({"name": "n"}, base) == Options("n", ("us",), 9.0, "a", Inner("x", "y"), lists=("z",))
    assert _read({"name": "n", "inner": {"one": "1"}, "lists": []}, base) == Options(
        "n", ("us",), 9.0, "a", Inner("1", "y"), lists=()
    )


def test_a_table_may_be_declared_by_several() -> None:
    """Each takes its own keys out of the same model."""
    model = model_of(Inner, Options).model_validate({"name": "n", "one": "x"})
    assert (build(Inner, model), build(Options, model)) == (Inner("x"), Options("n"))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "x.name: required"),
        ({"name": 5}, "x.name: expected a text in quotes"),
        ({"name": "n", "from": []}, "x.from: "),
        ({"name": "n", "wait": "0s"}, 'x.wait: too small ("0s"); write more than 0s'),
        ({"name": "n", "wait": "61s"}, 'x.wait: too large ("61s"); write 1m or less'),
        ({"name": "n", "wait": 5}, "x.wait: not a duration (5); write it as"),
        ({"name": "n", "mode": "c"}, 'x.mode: not a possible value ("c"); write "a" or "b"'),
        ({"name": "n", "inner": 5}, "x.inner: expected a table"),
        ({"name": "n", "inner": {"on": "x"}}, 'x.inner.on: unknown key; did you mean "one"?'),
        ({"name": "n", "each": {"k": {"on": "x"}}}, "x.each.k.on: unknown key"),
    ],
)
def test_faults_have_their_place(table: dict[str, Any], said: str) -> None:
    """One fault each, at its key, with what the declaration asks for."""
    told = _read(table)
    assert isinstance(told, list)
    (fault,) = told
    assert fault.startswith(said)


def test_optional_values_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`optional = true` is None where None is allowed, whatever the notation; of a list it leaves nothing."""
    monkeypatch.delenv("NOT_SET", raising=False)
    missing = {"env": "NOT_SET", "optional": True}
    assert _read({"name": "n", "wait": missing, "mode": missing, "lists": missing}) == Options("n", lists=())


def test_a_type_without_a_notation_is_refused() -> None:
    """A new type of field says so when the model is made, not when a file is read."""

    @dataclass
    class Odd:
        odd: Annotated[complex, Doc("No file can say it.")]

    with pytest.raises(TypeError, match="no field type for"):
        model_of(Odd)
