"""Texts with `{names}`. Only the config writes templates; what a person texts is always a value.

`{{` and `}}` are braces. A name is looked up, never evaluated: no attributes, no indexes, no format
of data, so no text can reach into anything.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass

_parse = string.Formatter().parse


class BadTemplate(ValueError):
    """The message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Template:
    """Literal parts and names, alternating; a name may be None at the end."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> frozenset[str]:
        """The names that it needs."""
        return frozenset(name for _, name in self.parts if name is not None)

    def render(self, values: Mapping[str, str]) -> str:
        """The text. Every name must be in `values`; the config has seen to it."""
        return "".join([literal + (values[name] if name is not None else "") for literal, name in self.parts])


def parse(source: str) -> Template:
    """Raises `BadTemplate`."""
    try:
        fields = list(_parse(source))
    except ValueError as error:
        message = f"{error}; a brace that is meant as such is written twice: {{{{ or }}}}"
        raise BadTemplate(message) from None
    return Template(tuple((literal, _name(name, spec, conversion)) for literal, name, spec, conversion in fields))


def _name(name: str | None, spec: str | None, conversion: str | None) -> str | None:
    if name is None:
        return None
    if not name.isidentifier() or spec or conversion:
        message = f"{{{name}}} is not a plain name; a brace that is meant as such is written twice: {{{{ or }}}}"
        raise BadTemplate(message)
    return name
