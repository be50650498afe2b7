"""From a table of the file to a model, or to faults in words that help."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.config.faults import Faults, did_you_mean
from app.config.fields import Strict
from app.rules.workshop import Place

M = TypeVar("M", bound=Strict)

TEXT_TAG, TABLE_TAG = "\0text", "\0table"  # members of a union; pydantic puts them into the path of a fault

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


def check(model: type[M], data: Any, place: Place, folder: Path, faults: Faults, also: tuple[str, ...] = ()) -> M | None:
    """The model, or None and its faults. `also`: keys that a misspelt one may have meant."""
    if not isinstance(data, Mapping):
        faults.note(place, "expected a table")
        return None
    try:
        return model.model_validate(dict(data), context={"folder": folder})
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            where = tuple(key for key in detail["loc"] if key not in (TEXT_TAG, TABLE_TAG))
            faults.note((*place, *where), _advice(detail, known_keys(model) | set(also)))
        return None


def known_keys(model: type[Strict]) -> set[str]:
    """The keys of a model."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _advice(detail: ErrorDetails, known: set[str]) -> str:
    key = str(detail["loc"][-1])
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown key; {did_you_mean(key, known)}"
        case "missing":
            return _MISSING.get(key, "required")
        case "literal_error":
            return f"expected {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return detail["msg"].replace("Input should be", "must be")
        case "string_pattern_mismatch":
            return "lower-case letters, digits and hyphens only"
        case kind:
            return _EXPECTED.get(kind, detail["msg"])
