"""Which route a number has: one dict look-up, whatever the number of numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Route:
    """The rules of some numbers, asked in this order."""

    name: str
    rules: tuple[Rule, ...]
    vars: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()

    @property
    def has_effects(self) -> bool:
        """Whether asking its rules costs something that must not be paid twice."""
        return any(rule.has_effects for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Table:
    """Normalised number -> route; `default` is the route of `to = "*"`."""

    by_number: Mapping[str, Route]
    by_name: Mapping[str, Route]
    default: Route | None = None

    def route(self, address: str) -> Route | None:
        """The route of one of our numbers."""
        return self.by_number.get(address, self.default)
