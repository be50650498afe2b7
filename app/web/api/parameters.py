"""Parameters: a dataclass declares what an endpoint takes, from which requests are read and the schema is made.

    limit: Annotated[int, Interval(ge=1, le=200), Doc("How many, at most.")] = 50

Whatever is not declared is refused, with the name that may have been meant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from app.notation import Doc, Example, Interval, Key
from app.suggestions import did_you_mean
from app.web.api.kinds import KINDS, Kind, Schema, Unreadable
from app.web.api.problems import BadInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One member of a query, a path or a body."""

    name: str
    field: str
    kind: Kind
    many: bool  # a list of values
    required: bool
    default: Any
    doc: str
    example: Any
    bounds: Interval | None

    @property
    def schema(self) -> Schema:
        """The JSON Schema of its values."""
        one = dict(self.kind.schema)
        limits = {} if self.bounds is None else {"minimum": self.bounds.ge, "maximum": self.bounds.le}
        one |= {name: limit for name, limit in limits.items() if limit is not None}
        if self.many:
            return {"type": "array", "items": one, "minItems": 1}
        return one | ({} if self.default in (None, "", ()) else {"default": self.default})

    def checked(self, value: Any) -> Any:
        """Return a value within the bounds. Raises `Unreadable`."""
        if self.bounds is None:
            return value
        low, high = self.bounds.ge, self.bounds.le
        if not low <= value <= high:
            raise Unreadable(f"must be from {low} to {high}")
        return value

    def from_query(self, texts: Sequence[str]) -> Any:
        """Read the values of a query. Raises `Unreadable`."""
        if self.many:
            return tuple(self.checked(self.kind.from_text(part)) for text in texts for part in text.split(","))
        if len(texts) > 1:
            raise Unreadable("is given more than once")
        return self.checked(self.kind.from_text(texts[0]))

    def from_json(self, value: Any) -> Any:
        """Read the value of a member. Raises `Unreadable`."""
        if not self.many:
            return self.checked(self.kind.from_json(value))
        if not isinstance(value, list) or not value:
            raise Unreadable("must be a list with at least one value")
        return tuple(self.checked(self.kind.from_json(one)) for one in value)


def parameters_of(declared: Any) -> tuple[Parameter, ...]:
    """Return the parameters that a dataclass declares."""
    hints = get_type_hints(declared, include_extras=True)
    return tuple(_parameter(one, hints[one.name]) for one in fields(declared))


def _parameter(declared: Field[Any], hint: Any) -> Parameter:
    base, *notes = get_args(hint)
    kept = {type(note): note for note in notes}
    base, many = _plain(base)
    name = kept[Key].name if Key in kept else declared.name
    required = declared.default is MISSING and declared.default_factory is MISSING
    default = None if declared.default is MISSING else declared.default
    example = kept[Example].value if Example in kept else default
    doc, bounds = kept[Doc].documentation, kept.get(Interval)
    return Parameter(name, declared.name, _kind(base), many, required, default, doc, example, bounds)


def _plain(base: Any) -> tuple[Any, bool]:
    """Return a type without None and tuple, and whether there may be several values."""
    if get_origin(base) in (Union, UnionType):
        (base,) = (one for one in get_args(base) if one is not NoneType)
    if get_origin(base) is tuple:
        return get_args(base)[0], True
    return base, False


def _kind(base: Any) -> Kind:
    if get_origin(base) is not Literal:
        return KINDS[base]
    words = get_args(base)

    def choose(value: Any) -> Any:
        if value not in words:
            near = did_you_mean(value, words) if isinstance(value, str) else f"one of: {', '.join(words)}"
            raise Unreadable(f"is none of the values it may have; {near}")
        return value

    return Kind({"type": "string", "enum": list(words)}, choose, choose)


def from_query(declared: type[T], pairs: Iterable[tuple[str, str]]) -> T:
    """Read a query. Raises `BadInput`."""
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    return _read(declared, given, "the query is not as it should be", lambda one, value: one.from_query(value))


def from_json(declared: type[T], document: Any) -> T:
    """Read the members of a body. Raises `BadInput`."""
    if not isinstance(document, dict):
        raise BadInput("the body must be a JSON object")
    return _read(declared, document, "the body is not as it should be", lambda one, value: one.from_json(value))


def _read(declared: type[T], given: Mapping[str, Any], detail: str, read: Any) -> T:
    known = {one.name: one for one in parameters_of(declared)}
    errors = dict(_unknown(given, known))
    values: dict[str, Any] = {}
    for name, one in known.items():
        if name not in given:
            if one.required:
                errors[name] = "is required"
            continue
        try:
            values[one.field] = read(one, given[name])
        except Unreadable as error:
            errors[name] = str(error)
    if errors:
        raise BadInput(detail, errors)
    return declared(**values)


def _unknown(given: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in given:
        if name not in known:
            yield name, f"is not known; {did_you_mean(name, known)}"
