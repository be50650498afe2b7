"""From a table of the file to the dataclass that declares it, or to faults in words that help."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.config.diagnostics import Diagnostics
from app.config.models import TABLE_TAG, TEXT_TAG, Strict, build, model_of
from app.rules.compiler import Place
from app.suggestions import did_you_mean

T = TypeVar("T")

_EXPECTED = {
    "string_type": "expected a text in quotes",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "tuple_type": "expected a list",
    "float_type": "expected a number",
}
_MISSING = {
    "public_url": 'required: the address that Plivo dials, as public_url = "https://sms.example.com"',
    "auth_tokens": 'required: auth_tokens = { env = "PLIVO_AUTH_TOKEN" }',
    "to": 'required: the numbers of the route, or "*" for every other number',
    "url": "required: where to post",
}


def check(
    options: type[T], data: Any, place: Place, folder: Path, faults: Diagnostics, base: T | None = None, **others: Any
) -> T | None:
    """The dataclass that declares a table, filled from it; or None and its faults. See `models.build`."""
    declared: Any = options
    model = validated(model_of(declared), data, place, folder, faults)
    return build(options, model, base, **others) if model else None


def validated(
    model: type[Strict], data: Any, place: Place, folder: Path, faults: Diagnostics, also: tuple[str, ...] = ()
) -> Strict | None:
    """The model, or None and its faults. `also`: keys that a misspelt one may have meant."""
    if not isinstance(data, Mapping):
        faults.note(place, "expected a table")
        return None
    try:
        return model.model_validate(dict(data), context={"folder": folder})
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            where = tuple(key for key in detail["loc"] if key not in (TEXT_TAG, TABLE_TAG))
            inner = _model_at(model, where[:-1])
            known = known_keys(model) | set(also) if inner is model else known_keys(inner)
            faults.note((*place, *where), _advice(detail, known))
        return None


def known_keys(model: type[Strict]) -> set[str]:
    """The keys of a model."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _model_at(model: type[Strict], path: Place) -> type[Strict]:
    """The model of a table inside a table, whose keys a misspelt one may have meant."""
    inner = model
    for key in path:
        hint = next(
            (field.annotation for name, field in inner.model_fields.items() if key in (name, field.alias)), None
        )
        found = [one for one in (hint, *get_args(hint)) if isinstance(one, type) and issubclass(one, Strict)]
        if not found:
            return model
        inner = found[0]
    return inner


def _advice(detail: ErrorDetails, known: set[str]) -> str:
    key, context = str(detail["loc"][-1]), detail.get("ctx", {})
    special: dict[str, Callable[[], str]] = {
        "extra_forbidden": lambda: f"unknown key; {did_you_mean(key, known)}",
        "missing": lambda: _MISSING.get(key, "required"),
        "literal_error": lambda: f"expected {context['expected']}",
        "value_error": lambda: str(context["error"]),
        "timezone_aware": lambda: "an offset is required, as 2026-03-02T10:00:00+01:00",
        "datetime_type": lambda: "expected a date and time without quotes, as 2026-03-02T10:00:00+01:00",
    }
    if detail["type"] in special:
        return special[detail["type"]]()
    return _EXPECTED.get(detail["type"]) or detail["msg"].replace("Input should be", "must be")
